"""A configuration as it is written beside the body that came of it, line by line, with what differs marked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from worker.web.words import as_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of one side; `filler` keeps the place of what is on the other side alone."""

    text: str = ""
    differs: bool = False
    filler: bool = False


Pair = tuple[Line, Line]

FILLER = Line(filler=True)

MISSING = object()


def beside(written: Mapping[str, Any], made: Mapping[str, Any]) -> list[Pair]:
    """Give the lines of both, as YAML, in the order of what is written; what was added comes last."""
    return list(_mappings(written, made, ""))


def _mappings(written: Mapping[str, Any], made: Mapping[str, Any], indent: str) -> Iterator[Pair]:
    for key in [*written, *(key for key in made if key not in written)]:
        left, right = written.get(key, MISSING), made.get(key, MISSING)
        if _both(left, right, Mapping):
            yield from _same(_lines({key: None}, indent)[0].removesuffix(" null"))
            yield from _mappings(left, right, f"{indent}  ")
        elif _both(left, right, list):
            yield from _same(_lines({key: None}, indent)[0].removesuffix(" null"))
            yield from _lists(left, right, indent)
        else:
            yield from _blocks({key: left}, {key: right}, left, right, indent)


def _lists(written: list[Any], made: list[Any], indent: str) -> Iterator[Pair]:
    for number in range(max(len(written), len(made))):
        left = written[number] if number < len(written) else MISSING
        right = made[number] if number < len(made) else MISSING
        yield from _blocks([left], [right], left, right, indent)


def _blocks(written: Any, made: Any, left: Any, right: Any, indent: str) -> Iterator[Pair]:
    """Give the lines of one value; `left` and `right` are the value itself, in what it stands in."""
    lefts = [] if left is MISSING else _lines(written, indent)
    rights = [] if right is MISSING else _lines(made, indent)
    if lefts == rights:
        for text in lefts:
            yield from _same(text)
        return
    for number in range(max(len(lefts), len(rights))):
        yield _differing(lefts, number), _differing(rights, number)


def _both(left: Any, right: Any, kind: type) -> bool:
    """Tell whether both are such, with something in them, and not the same."""
    return isinstance(left, kind) and isinstance(right, kind) and bool(left and right) and left != right


def _same(text: str) -> Iterator[Pair]:
    line = Line(text=text)
    yield line, line


def _differing(lines: list[str], number: int) -> Line:
    return Line(text=lines[number], differs=True) if number < len(lines) else FILLER


def _lines(value: Any, indent: str) -> list[str]:
    return [f"{indent}{line}" for line in as_yaml(value).splitlines()]
