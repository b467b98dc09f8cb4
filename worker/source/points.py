"""Files with the points of a sweep: CSV with a header, or one JSON object a line; each value with its place."""

import json
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.domain.errors import Fault, InvalidInput
from worker.domain.nearest import did_you_mean
from worker.domain.parameterwords import MOST_POINTS
from worker.source.files import LARGEST_POINTS, POINTS_ENDINGS, TOO_MANY, Files, Unusable
from worker.source.templates import is_inside

_MOST_FAULTS = 100
"""Of one file; a wrong header makes a fault of each line."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
_CELL = re.compile(r'\s*"((?:[^"]|"")*)"\s*(?:,|$)|([^,"]*)(?:,|$)')
_LONGEST_NUMBER = 40
"""Digits; more do not fit into 64 bits, and very many take long to read."""


class PointsError(ValueError):
    """A file of points that cannot be had; `str()` says why."""


@dataclass(frozen=True, slots=True)
class PointsFile:
    """The points of a file, and where they are."""

    file: str
    points: list[dict[str, Any]]
    lines: Sequence[int]
    """Of each point."""
    _column: Callable[[int, str], int]

    def fault(self, index: int, name: str, message: str) -> Fault:
        """Make a fault of a point, at the value of that name if it has one."""
        line = self.lines[index]
        return Fault(file=self.file, line=line, column=self._column(line, name), path=name, message=message)

    def spots(self) -> dict[str, Fault]:
        """Give the place of each name, that of its first value, as a fault that says nothing yet."""
        found: dict[str, Fault] = {}
        for index, point in enumerate(self.points):
            for name in point:
                if name not in found:
                    found[name] = self.fault(index, name, "")
        return found


class Points:
    """The files of points of one folder. None is kept: it may be large, and the sweep has all of it."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self, name: str) -> PointsFile:
        """Give a file. Raises PointsError if it cannot be had, InvalidInput for what is wrong in it."""
        if not is_inside(name):
            raise PointsError(f'"{name}" leads out of the folder; write a path such as points/best.csv')
        if not name.endswith(POINTS_ENDINGS):
            raise PointsError(f'"{name}" is neither .csv nor .jsonl')
        content = self._files.content(name)
        if isinstance(content, Unusable):
            near = did_you_mean(name, self._existing()) if content.missing else ""
            raise PointsError(f"{name}: {content.message}{near}")
        return _read(content, str(self._files.root / name))

    def _existing(self) -> list[str]:
        root = self._files.root
        return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.name.endswith(POINTS_ENDINGS)]


def _read(content: bytes, file: str) -> PointsFile:
    reader = (_Table if file.endswith(".csv") else _Objects)(_decoded(content, file), file)
    for number, row in enumerate(reader.rows, start=1):
        if row.strip():
            reader.take(number, row)
        if len(reader.faults) >= _MOST_FAULTS or len(reader.points) > MOST_POINTS:
            break
    if len(reader.points) > MOST_POINTS:
        reader.note(reader.lines[-1], 1, f"there are more than {MOST_POINTS} points")
    elif not reader.points and not reader.faults:
        reader.note(1, 1, "there are no points in it")
    if reader.faults:
        raise InvalidInput(reader.faults)
    return PointsFile(file, reader.points, reader.lines, reader.column)


def _decoded(content: bytes, file: str) -> str:
    if len(content) > LARGEST_POINTS:
        raise InvalidInput([Fault(file=file, message=TOO_MANY)])
    try:
        return content.decode("utf-8-sig")  # Excel writes the mark
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = "is not UTF-8; save the file with that encoding"
        raise InvalidInput([Fault(file=file, line=line, column=1, message=message)]) from error


class _Reader:
    """Reads a file line by line, and finds places again only where somebody asks."""

    def __init__(self, text: str, file: str) -> None:
        self.rows: list[str] = text.replace("\r\n", "\n").split("\n")
        self.points: list[dict[str, Any]] = []
        self.lines = array("L")
        self.faults: list[Fault] = []
        self._file = file

    def note(self, line: int, column: int, message: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(file=self._file, line=line, column=column, message=message))

    def take(self, number: int, line: str) -> None:
        """Take in a line that is not empty."""
        raise NotImplementedError

    def column(self, line: int, name: str) -> int:
        """Find the column of a value."""
        raise NotImplementedError

    def _add(self, number: int, point: dict[str, Any]) -> None:
        if not point:
            self.note(number, 1, "has no values")
            return
        self.points.append(point)
        self.lines.append(number)


class _Table(_Reader):
    """CSV: the names in the first line, and values behind; a cell that is empty is left out."""

    _names: Sequence[str] | None = None

    def take(self, number: int, line: str) -> None:
        """Read the header, or a point."""
        cells = _cells(line)
        if isinstance(cells, int):
            self.note(number, cells, "a quote is opened here and not closed, or something stands behind it")
        elif self._names is None:
            self._header(number, cells)
        elif len(cells) != len(self._names):
            self.note(number, cells[-1][0], f"has {len(cells)} values, and the header has {len(self._names)} names")
        else:
            names = zip(self._names, cells, strict=True)
            self._add(number, {name: _scalar(cell) for name, (_, cell) in names if cell})

    def column(self, line: int, name: str) -> int:
        """Find the column of a value."""
        cells, names = _cells(self.rows[line - 1]), list(self._names or ())
        return cells[names.index(name)][0] if name in names and not isinstance(cells, int) else 1

    def _header(self, number: int, cells: Sequence[tuple[int, str]]) -> None:
        self._names = [name for _, name in cells]
        for index, (column, name) in enumerate(cells):
            if not name:
                self.note(number, column, "a name is missing in the header")
            elif name in self._names[:index]:
                self.note(number, column, f"{name} is there already")
            elif len(cells) == 1 and (";" in name or "\t" in name):
                self.note(number, column, "values are separated by commas")


class _Objects(_Reader):
    """JSON lines: one object each."""

    def take(self, number: int, line: str) -> None:
        """Read a point."""
        try:
            point = json.loads(line, object_pairs_hook=_pairs, parse_constant=_no_constant, parse_int=_whole)
        except json.JSONDecodeError as error:
            self.note(number, error.colno, f"is not JSON: {error.msg}")
        except (ValueError, RecursionError) as error:
            self.note(number, 1, str(error) if isinstance(error, ValueError) else "is nested too deep")
        else:
            if isinstance(point, dict):
                self._add(number, point)
            else:
                self.note(number, 1, "has to be an object, such as {…}")

    def column(self, line: int, name: str) -> int:
        """Find the column of a value, or of the line if it is written in another way."""
        row = self.rows[line - 1]
        found = re.search(rf"{re.escape(json.dumps(name, ensure_ascii=False))}\s*:\s*", row)
        return found.end() + 1 if found else len(row) - len(row.lstrip()) + 1


def _cells(line: str) -> list[tuple[int, str]] | int:
    """Give the cells of a line, each with its column; or the column of one that cannot be read."""
    cells, place = [], 0
    while True:
        found = _CELL.match(line, place)
        if found is None:
            return place + 1
        quoted, plain = found.groups()
        start = place + len(found[0]) - len(found[0].lstrip()) + 1
        cells.append((start, quoted.replace('""', '"') if quoted is not None else plain.strip()))
        place = found.end()
        if not found[0].endswith(","):
            return cells


def _scalar(cell: str) -> Any:
    """Read a cell: JSON's numbers, true, false and null are what they are there, all else is a text."""
    if cell in _WORDS:
        return _WORDS[cell]
    found = _NUMBER.fullmatch(cell)
    if found is None:
        return cell
    return float(cell) if found["rest"] else _whole(cell)


def _whole(digits: str) -> int:
    return int(digits[:_LONGEST_NUMBER])


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not possible in JSON")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise ValueError(f'the key "{twice}" stands there twice')
    return found
