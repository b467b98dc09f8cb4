"""`zenbeat schedule lint`: are the files right? Needs neither Redis nor ZenML."""

from collections.abc import Sequence
from pathlib import Path

import click

from worker.cli.output import say
from worker.domain.errors import InvalidInput
from worker.domain.hook import Hook
from worker.domain.schedule import Schedule, SweepDefinition
from worker.settings import load_settings
from worker.source import Definitions, Source, lint


@click.command("lint")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
def lint_files(paths: tuple[Path, ...]) -> None:
    """Check schedule files, or all files of folders; without PATHS those in SCHEDULES_DIR.

    Each fault is a line `file:line:column: path: what is wrong` on stderr, and the exit code is 2.
    """
    definitions = _lint(paths) if paths else Source(load_settings().schedules_dir, settle=False).read()
    for warning in definitions.warnings:
        say(f"warning: {warning}")
    if definitions.faults:
        raise InvalidInput(definitions.faults)
    click.echo(_verdict(definitions))


def _lint(paths: tuple[Path, ...]) -> Definitions:
    try:
        return lint(paths)
    except OSError as error:
        raise InvalidInput(f"{error.filename}: cannot be read: {error.strerror}") from error


def _verdict(definitions: Definitions) -> str:
    defined: Sequence[Schedule | SweepDefinition | Hook] = [
        *definitions.schedules,
        *definitions.sweeps,
        *definitions.hooks,
    ]
    files = {one.place.rpartition(":")[0] for one in defined}
    parts = [_counted(len(definitions.schedules), "schedule")]
    if definitions.sweeps:
        parts.append(_counted(len(definitions.sweeps), "sweep"))
    if definitions.hooks:
        parts.append(_counted(len(definitions.hooks), "hook"))
    return f"{', '.join(parts)} in {_counted(len(files), 'file')}: no faults"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
