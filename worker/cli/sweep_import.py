"""`zenbeat sweep import`: a sweep of Weights & Biases as a schedule file."""

from pathlib import Path
from typing import Any

import click
import yaml

from worker.cli.output import say
from worker.domain.errors import InvalidInput
from worker.domain.sweep import SweepFaults, parse_sweep
from worker.source.wandb import Converted, convert


@click.command("import")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--pipeline", default="", help="The pipeline that a trial runs.")
@click.option("--step", default="", help="The step whose parameters these are.")
@click.option("--name", default="", help="The name of the sweep.  [default: that in the file]")
def import_sweep(path: Path, pipeline: str, step: str, name: str) -> None:
    r"""Print the W&B sweep in FILE as a schedule file. What was changed or left out is told on stderr, with the reason.

    \b
    zenbeat sweep import wandb.yaml --pipeline training --step trainer > schedules/rates.yaml
    """
    found = convert(_read(path), name=name, pipeline=pipeline, step=step, file=str(path))
    for note in found.notes:
        say(note)
    _check(found, path)
    click.echo(f"# Made of {path.name}, a sweep of Weights & Biases.")
    document = {"sweeps": [found.entry]}
    click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=None).rstrip("\n"))


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: is not YAML: {' '.join(str(error).split())}") from error


def _check(found: Converted, path: Path) -> None:
    """See that the sweep can be used. Raises InvalidInput."""
    try:
        parse_sweep({word: value for word, value in found.entry.items() if word != "pipeline"})
    except SweepFaults as error:
        raise InvalidInput("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from error
