"""All trials of a sweep as a file, written little by little: CSV, JSON lines or Parquet."""

from collections.abc import AsyncIterator
from importlib import import_module
from importlib.util import find_spec
from io import RawIOBase
from typing import Any, BinaryIO, cast

from worker.domain.errors import InvalidInput
from worker.engine.runtime import Engine
from worker.engine.trialfiles import CsvFile, JsonLines, RowFile
from worker.engine.trialrows import all_rows, columns_of, read_kept
from worker.store.sweeprows import SweepRow

FORMATS = {"csv": ".csv", "jsonl": ".jsonl", "parquet": ".parquet"}
"""The endings of their files."""


def maker_of(form: str) -> type[RowFile]:
    """Give what writes such a file. Raises InvalidInput where pyarrow, which Parquet needs, is not installed."""
    if form == "csv":
        return CsvFile
    if form == "jsonl":
        return JsonLines
    try:
        found: Any = import_module("worker.engine.trialparquet")
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("pyarrow"):
            raise
        raise InvalidInput("Parquet needs pyarrow: pip install 'zenbeat[parquet]'") from error
    made: type[RowFile] = found.ParquetFile
    return made


def forms() -> list[str]:
    """Name the formats that can be written here."""
    return [form for form in FORMATS if form != "parquet" or find_spec("pyarrow") is not None]


async def write_all(engine: Engine, row: SweepRow, make: type[RowFile], file: BinaryIO) -> int:
    """Write all trials to a file, and count them."""
    kept = await read_kept(engine, row)
    rows = make(file, columns_of(row, kept), kept)
    count = 0
    async for chunk in all_rows(engine, row, kept):
        rows.write(chunk)
        count += len(chunk)
    rows.end()
    return count


async def stream_all(engine: Engine, row: SweepRow, make: type[RowFile]) -> AsyncIterator[bytes]:
    """Give all trials as the parts of a file, as they are read."""
    kept = await read_kept(engine, row)
    drain = _Drain()
    rows = make(cast("BinaryIO", drain), columns_of(row, kept), kept)
    async for chunk in all_rows(engine, row, kept):
        rows.write(chunk)
        yield drain.taken()
    rows.end()
    yield drain.taken()


class _Drain(RawIOBase):
    """A file that keeps what is written until it is taken, and knows how much that was."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def taken(self) -> bytes:
        found = b"".join(self._parts)
        self._parts.clear()
        return found
