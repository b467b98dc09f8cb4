"""`zenbeat template …`: what would a pipeline be started from?"""

from functools import partial
from typing import Any

import click
import yaml

from worker.cli.doors import with_engine
from worker.cli.output import Words, output_option, show, show_one
from worker.domain.errors import InvalidInput
from worker.engine.runtime import Engine
from worker.zenml.models import Resolution


@click.group()
def template() -> None:
    """See what a pipeline would be started from."""


@template.command("list")
@click.option("--pipeline", help="Only those of this pipeline, name or id.")
@click.option("--project", help="Project, name or id.  [default: that of the settings]")
@output_option
def list_templates(pipeline: str | None, project: str | None, output: str) -> None:
    """List the run templates and named snapshots that runs can be started from, newest first."""
    found = with_engine(lambda engine: engine.zenml.startables(pipeline, project))
    rows = [
        {"name": one.name, "kind": one.route.word, "pipeline": one.pipeline, "runnable": one.runnable, "id": one.id}
        for one in found
    ]
    show(rows, ["name", "kind", "pipeline", "runnable", "id"], output, empty="nothing to start a run from")


@template.command()
@click.argument("pipeline")
@click.option("--template", "template_name", help="Run template, name or id.  [default: the pipeline's newest]")
@click.option("--snapshot", help="Pipeline snapshot, name or id.")
@click.option("--project", help="Project, name or id.  [default: that of the settings]")
@output_option
def resolve(pipeline: str, template_name: str | None, snapshot: str | None, project: str | None, output: str) -> None:
    """Find what PIPELINE would be started from, and the parameters of its steps with their present values."""
    if template_name and snapshot:
        raise InvalidInput("--template and --snapshot exclude each other; name one of them")
    found = with_engine(partial(_found, pipeline, template_name, snapshot, project))
    show_one(_described(found), output, words=WORDS)


async def _found(
    pipeline: str, template_name: str | None, snapshot: str | None, project: str | None, engine: Engine
) -> Resolution:
    # ZenML itself and not the resolver: what was found some minutes ago is not what somebody asks for who looks here.
    return await engine.zenml.find_target(pipeline, template_name, snapshot, project)


def _described(found: Resolution) -> dict[str, Any]:
    steps = found.config_template.get("steps") or {}
    return {
        "kind": found.route.word,
        "name": found.name,
        "id": found.id,
        "route": found.route.value,
        "pipeline": found.pipeline_name,
        "pipeline_id": found.pipeline_id,
        "project": found.project,
        "checked_before_sending": found.config_schema is not None,
        "parameters": {name: (step or {}).get("parameters") or {} for name, step in steps.items()},
    }


def _yaml(parameters: dict[str, Any]) -> str:
    return yaml.safe_dump(parameters, sort_keys=False, allow_unicode=True).rstrip("\n")


WORDS: Words = {"parameters": _yaml}
