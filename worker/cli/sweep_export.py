"""`zenbeat sweep export`: all trials of a sweep, flat, a row each, however many they are."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from worker.cli.doors import with_engine
from worker.cli.output import say
from worker.domain.errors import InvalidInput
from worker.engine.runtime import Engine
from worker.engine.sweeping import find
from worker.engine.trialexport import FORMATS, maker_of, write_all
from worker.engine.trialfiles import RowFile


@click.command()
@click.argument("wanted", metavar="ID|NAME")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="[default: by the name of FILE, else csv]")
@click.option(
    "--to", "path", metavar="FILE", type=click.Path(path_type=Path), help="Where to write it.  [default: stdout]"
)
def export(wanted: str, form: str | None, path: Path | None) -> None:
    """Write all trials of a sweep as a flat table: trial, status, params.<name>, metrics.<name>, seconds, run_id, …

    Any number of trials is written with little memory. Parquet needs pyarrow (pip install 'zenbeat[parquet]'), and a
    FILE.
    """
    by_name = {suffix: name for name, suffix in FORMATS.items()}
    form = form or by_name.get(path.suffix if path else "", "csv")
    if form == "parquet" and path is None:
        raise InvalidInput("Parquet is not for the terminal; say with --to where to write it")
    # What is missing is said before anything is read.
    make = maker_of(form)
    with _opened(path) as file:
        count = with_engine(partial(_write, wanted, make, file))
    if path is not None:
        say(f"{count} trial{'' if count == 1 else 's'} written to {path}.")


async def _write(wanted: str, make: type[RowFile], file: BinaryIO, engine: Engine) -> int:
    row = await find(engine, wanted)
    return await write_all(engine, row, make, file)


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    """Open what is written to. A file is there when it is complete, or not at all."""
    if path is None:
        yield sys.stdout.buffer
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
