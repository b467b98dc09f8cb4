"""`zenbeat trigger PIPELINE`: ask for a run, and wait for its end where asked to."""

from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import yaml

from worker.cli.auditing import audited
from worker.cli.doors import with_engine
from worker.cli.output import output_option, say, show_one
from worker.cli.publishing import publish
from worker.cli.waiting import wait_for_end
from worker.domain.errors import InvalidInput
from worker.domain.moments import read_moment
from worker.domain.trigger import Origin
from worker.engine.enqueue import Accepted, accept
from worker.engine.requests import TriggerRequest, parse_request
from worker.engine.runtime import Engine
from worker.store.connection import redis_time


@click.command()
@click.argument("pipeline")
@click.option("--template", help="Run template, name or id; left out: the newest of the pipeline.")
@click.option("--snapshot", help="Pipeline snapshot, name or id, instead of a template.")
@click.option("--project", help="Project, name or id.")
@click.option("-p", "parameters", multiple=True, metavar="STEP.PARAM=VALUE", help="A step's parameter; repeatable.")
@click.option("--config", "file", type=click.Path(path_type=Path), help="File with a PipelineRunConfiguration.")
@click.option("--idempotency-key", "key", help="The same key again is the same run, however often it is asked for.")
@click.option("--priority", default=0, show_default=True, help="One step is worth a minute of waiting.")
@click.option("--not-before", metavar="TIME", help="Send it at this time; UTC where no offset is given.")
@click.option("--wait", is_flag=True, help="Wait for the run's end: exit 0 if it completed, else 1.")
@click.option("--timeout", type=float, help="Seconds to wait at the most.")
@output_option
def start(
    pipeline: str,
    parameters: tuple[str, ...],
    file: Path | None,
    key: str | None,
    not_before: str | None,
    wait: bool,  # noqa: FBT001 - click passes options by name
    timeout: float | None,
    output: str,
    **options: Any,
) -> None:
    """Start a run of PIPELINE. Prints the trigger's id; safe to repeat with the same --idempotency-key."""
    moment = read_moment(not_before, "UTC") if not_before else None
    config = _with_parameters(_read(file), parameters)
    request = parse_request({"pipeline": pipeline, "config": config, "not_before": moment, **options})
    accepted = with_engine(partial(_record, request, key or uuid4().hex), publish=publish)
    if not accepted.new:
        say("It was asked for before with this key; nothing new was started.")
    trigger = accepted.trigger
    if output == "table":
        click.echo(trigger.id)
    else:
        about = {"trigger": trigger.id, "run_name": trigger.run_name, "new": accepted.new, "due": trigger.due}
        show_one(about, output)
    if wait:
        raise SystemExit(with_engine(partial(wait_for_end, trigger.id, timeout)))


async def _record(request: TriggerRequest, key: str, engine: Engine) -> Accepted:
    now = await redis_time(engine.redis)
    told = audited(engine, "trigger.start", request.pipeline)
    accepted = await accept(engine.requests, Origin.CLI, request, key, now, [told])
    await engine.dispatcher.ring()
    return accepted


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(f"{file}: cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{file}: has to be a mapping, a PipelineRunConfiguration")
    return found


def _with_parameters(config: dict[str, Any], parameters: tuple[str, ...]) -> dict[str, Any]:
    """Lay `step.param=value` over a configuration; values are read as YAML, so that 0.1 is a number."""
    for text in parameters:
        path, equals, value = text.partition("=")
        step, dot, name = path.partition(".")
        if not (equals and dot and step and name):
            raise click.BadParameter(f'"{text}" is not STEP.PARAM=VALUE, such as -p model_trainer.lr=0.1')
        try:
            read = yaml.safe_load(value)
        except yaml.YAMLError:
            read = value
        try:
            config.setdefault("steps", {}).setdefault(step, {}).setdefault("parameters", {})[name] = read
        except (AttributeError, TypeError):
            raise InvalidInput(f"-p {text}: the file of --config has no mapping at steps.{step}.parameters") from None
    return config
