"""From the bytes of a YAML file to plain values, with the place of each in the file.

PyYAML's own constructors are not used: they know YAML 1.1 (`on` is true, `12:30` is 750), run tags, follow aliases
into bombs, and take the last of two equal keys. Here the parser's events become values one by one.
"""

import re
from dataclasses import dataclass, field
from sys import intern
from typing import Any

import yaml

from worker.domain.errors import Fault, InvalidInput
from worker.source.scalars import ScalarError, read_scalar
from worker.source.syntax import explain

Path = tuple[str | int, ...]

LARGEST_FILE = 1_048_576
"""Bytes."""

DEEPEST = 20
"""Mappings and lists inside one another."""

# The last two, and U+0085, are line ends to libyaml and to nobody else.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufffe\uffff\u2028\u2029]")


@dataclass(slots=True)
class Spot:
    """Where a value begins, counted from 1, and where what is inside it does: key -> (spot of key, spot of value)."""

    line: int
    column: int
    inner: dict[str | int, tuple["Spot", "Spot"]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file that was read: `value` in plain Python types, and the place of everything in it."""

    file: str
    value: Any
    root: Spot

    def fault(self, path: Path, message: str, *, at_key: bool = False) -> Fault:
        """Make a fault at a path. Of a path that is not in the file, the part that is counts."""
        key_spot = spot = self.root
        known = 0
        for step in path:
            if step not in spot.inner:
                break
            key_spot, spot = spot.inner[step]
            known += 1
        place = key_spot if at_key else spot
        dotted = ".".join(map(str, path[:known]))
        return Fault(file=self.file, line=place.line, column=place.column, path=dotted, message=message)


def read_document(data: bytes, file: str) -> Document:
    """Read a file's bytes. Raises InvalidInput with every fault; an error of grammar ends the search for more."""
    text = _decode(data, file)
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.YAMLError as error:
        builder.faults.append(explain(error, text, file))
    except InvalidInput as error:
        builder.faults.extend(error.faults)
    if builder.faults:
        raise InvalidInput(builder.faults)
    return Document(file=file, value=builder.value, root=builder.root)


def _decode(data: bytes, file: str) -> str:
    if len(data) > LARGEST_FILE:
        raise InvalidInput([Fault(file=file, message=TOO_LARGE)])
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise InvalidInput([Fault(file=file, line=1, column=1, message=_MARKED)])
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        raise InvalidInput([_fault_after(before, file, "is not UTF-8; save the file with that encoding")]) from error
    if found := UNPRINTABLE.search(text):
        message = f"the character U+{ord(found[0]):04X} cannot stand in YAML"
        raise InvalidInput([_fault_after(text[: found.start()], file, message)])
    return text


TOO_LARGE = f"the file is larger than {LARGEST_FILE // 1_048_576} MiB; split it"
_MARKED = "begins with a byte order mark; save the file as UTF-8 without one"


def _fault_after(before: str, file: str, message: str) -> Fault:
    lines = f"{before}|".splitlines()  # the bar stands for what is wrong, and keeps an empty last line
    return Fault(file=file, line=len(lines), column=len(lines[-1]), message=message)


@dataclass(slots=True)
class _Open:
    """A mapping or list that has begun and not ended."""

    value: dict[Any, Any] | list[Any]
    spot: Spot
    key: Any = None
    key_spot: Spot | None = None


class _Builder:
    """Turns events into values, one after the other, with a stack of its own in place of recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.value: Any = None
        self.root = Spot(1, 1)
        self.faults: list[Fault] = []
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Take in the next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._check_tag(event)
            self._add(self._scalar(event), _spot(event))
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._check_tag(event)
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = self._open.pop()
            self._add(ended.value, ended.spot)
        elif isinstance(event, yaml.AliasEvent):
            self._report(event, f"*{event.anchor} is an alias, which is not possible here; write the value out")
            self._add(None, _spot(event))
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise InvalidInput([self._fault(event, "a second document begins here; one is possible per file")])

    def _begin(self, event: yaml.Event) -> None:
        if len(self._open) >= DEEPEST:
            raise InvalidInput([self._fault(event, f"nested more than {DEEPEST} levels deep")])
        self._open.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], _spot(event)))

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        value: Any = event.value
        if event.implicit[0]:
            try:
                value = read_scalar(event.value)
            except ScalarError as error:
                self._report(event, str(error))
        # Thousands of schedules are made of the same few hundred words.
        return intern(value) if isinstance(value, str) else value

    def _add(self, value: Any, spot: Spot) -> None:
        if not self._open:
            self.value, self.root = value, spot
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.spot.inner[len(parent.value)] = (spot, spot)
            parent.value.append(value)
        elif parent.key_spot is None:
            parent.key, parent.key_spot = self._checked_key(parent, value, spot), spot
        else:
            parent.value[parent.key] = value
            parent.spot.inner[parent.key] = (parent.key_spot, spot)
            parent.key_spot = None

    def _checked_key(self, parent: _Open, key: Any, spot: Spot) -> str:
        message = None
        if isinstance(key, (dict, list)):
            message = "a key has to be a text; put {{ … }} in quotes"
        elif key == "<<":
            message = "<< is not possible here; write the keys out"
        elif not isinstance(key, str):
            message = f"the key {_words(key)} is not a text; put it in quotes"
        elif key in parent.value:
            first, _ = parent.spot.inner[key]
            message = f'the key "{key}" stands here twice, first in line {first.line}'
        if message:
            self.faults.append(Fault(file=self.file, line=spot.line, column=spot.column, message=message))
        return str(key)

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self._report(event, f"the tag {tag} is not possible here; write the value without it")

    def _report(self, event: yaml.Event, message: str) -> None:
        self.faults.append(self._fault(event, message))

    def _fault(self, event: yaml.Event, message: str) -> Fault:
        spot = _spot(event)
        return Fault(file=self.file, line=spot.line, column=spot.column, message=message)


def _spot(event: yaml.Event) -> Spot:
    mark = event.start_mark
    return Spot(mark.line + 1, mark.column + 1) if mark else Spot(1, 1)


def _words(key: Any) -> str:
    return "null" if key is None else str(key).lower()
