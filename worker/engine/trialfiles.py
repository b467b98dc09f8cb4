"""Rows of trials as CSV and as JSON lines, written little by little."""

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO

import orjson

from worker.engine.trialrows import Kept


class RowFile(ABC):
    """A file that takes rows."""

    def __init__(self, file: BinaryIO, columns: Sequence[str], kept: Kept) -> None:
        self.file = file
        self.columns = columns
        self.kept = kept

    @abstractmethod
    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""

    def end(self) -> None:
        """Write what comes after the last row."""
        self.file.flush()


class CsvFile(RowFile):
    """CSV with a head, as pandas reads it: nothing for what is not known, `nan` for what is not a number."""

    def __init__(self, file: BinaryIO, columns: Sequence[str], kept: Kept) -> None:
        super().__init__(file, columns, kept)
        self._add([columns])

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        self._add([[flat(row.get(column)) for column in self.columns] for row in rows])

    def _add(self, lines: Sequence[Sequence[Any]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        self.file.write(text.getvalue().encode())


class JsonLines(RowFile):
    """An object in each line, with the same keys in each; what JSON cannot say is null."""

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        self.file.writelines(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def flat(value: Any) -> Any:
    """Give a value that one cell can hold; lists and mappings as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value
