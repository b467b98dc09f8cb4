"""Schedules that came as JSON, over the API: built as those of files are, each like a file of its own."""

import logging
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from worker.domain.errors import Fault
from worker.domain.jsonvalues import describe, json_faults
from worker.domain.receivers import is_url
from worker.domain.schedule import ManagedBy, Schedule
from worker.source.build import Names, Version, build_document
from worker.source.document import UNPRINTABLE, Document, Path, Spot
from worker.source.files import Files
from worker.source.templates import Templates

logger = logging.getLogger("zenbeat.source")

API = "api"
"""Stands for the file of what was made over the API, as a whole; that of one schedule is `api:<name>`."""

_WAY = re.compile(r"^schedules\.0\.?")
_REVISION = 12  # hex digits


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiEntry:
    """An element of `schedules:` that stands in no file."""

    words: Any
    mark: str = ""
    """Tells it from an earlier one of its name."""
    unreadable: str = ""
    """Why there are no words."""


def file_of(name: str) -> str:
    """Give what stands for the file of a schedule that was made over the API."""
    return f"{API}:{name}"


def name_of(file: str) -> str:
    """Give the name of the schedule that `file_of` gave this for; "" for a real file."""
    begin, _, name = file.partition(":")
    return name if begin == API else ""


def build_booked(name: str, entry: ApiEntry, files: Files, templates: Templates) -> Version:
    """Build one. Whatever is wrong with it is among its faults, so that the others go on."""
    file = file_of(name)
    try:
        return _build(name, entry, files, templates)
    except Exception as error:
        # What nobody thought of must not keep all other schedules from being read.
        logger.exception("schedule cannot be built", extra={"schedule": name})
        return _named(name, file, [Fault(file=file, message=f"it cannot be read: {type(error).__name__}")])


def _build(name: str, entry: ApiEntry, files: Files, templates: Templates) -> Version:
    file = file_of(name)
    faults = _unusable(name, entry, file)
    if faults:
        return _named(name, file, faults)
    value = {"schedules": [entry.words]}
    document = Document(file=file, value=value, root=_spots(value))
    return _relative(build_document(document, files, templates), entry.mark)


def _unusable(name: str, entry: ApiEntry, file: str) -> list[Fault]:
    if entry.unreadable:
        return [Fault(file=file, message=entry.unreadable)]
    if not isinstance(entry.words, dict):
        return [Fault(file=file, message=f"a schedule has to be a mapping, not {describe(entry.words)}")]
    found = [*json_faults(entry.words), *_unprintable(entry.words), *_addresses(entry.words)]
    if name and entry.words.get("name", name) != name:
        found.append((("name",), f'has to be "{name}", as in the address'))
    return [Fault(file=file, path=".".join(map(str, path)), message=message) for path, message in found]


def _addresses(words: dict[Any, Any]) -> Iterator[tuple[Path, str]]:
    """Find addresses among those who are told: a caller of the API must not choose where the beat sends something."""
    notify = words.get("notify")
    told = notify.get("to") if isinstance(notify, dict) else None
    named = told if isinstance(told, list) else [told]
    wrong = [index for index, receiver in enumerate(named) if isinstance(receiver, str) and is_url(receiver)]
    if wrong:
        yield ("notify", "to"), _NO_ADDRESS
    for index in wrong if isinstance(told, list) else ():
        yield ("notify", "to", index), f"this is an address; {_NO_ADDRESS}"


_NO_ADDRESS = "over the API, only a name of ZENBEAT_RECEIVERS is possible here"


def _unprintable(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Find the characters that no schedule file may have either. Deeply nested values are a fault before that."""
    if len(path) > _DEEPEST:
        return
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
        for key in value:
            yield from _unprintable(key, path)
    elif isinstance(value, list):
        inner = list(enumerate(value))
    elif isinstance(value, str) and (found := UNPRINTABLE.search(value)):
        yield path, f"the character U+{ord(found[0]):04X} cannot stand in a schedule"
    for key, part in inner:
        yield from _unprintable(part, (*path, key))


_DEEPEST = 21


def _named(name: str, file: str, faults: Sequence[Fault]) -> Version:
    """Give a version of which nothing is known but the name, which others may follow."""
    names = Names(section="schedules", names=(name,), places=array("L", (0, 0, 0)))
    return Version(file=file, names=(names,), faults=tuple(faults))


def _spots(value: Any) -> Spot:
    """Give the places of a value that has none: only the way to them counts."""
    spot = Spot(0, 0)
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        here = _spots(part)
        spot.inner[key] = (here, here)
    return spot


def _relative(version: Version, mark: str) -> Version:
    """Let the ways to faults begin at the entry, and say of what is built where it comes from."""
    return replace(
        version,
        schedules=tuple(_of_api(schedule, version.file, mark) for schedule in version.schedules),
        faults=tuple(_own(fault, version.file) for fault in version.faults),
        warnings=tuple(map(_shortened, version.warnings)),
        links=tuple(replace(link, place=_shortened(link.place)) for link in version.links),
    )


def _own(fault: Fault, file: str) -> Fault:
    """Tell what is wrong in a config template where the entry names it."""
    if fault.file == file:
        return _shortened(fault)
    return Fault(file=file, path="config_template", message=str(fault))


def _shortened(fault: Fault) -> Fault:
    return replace(fault, path=_WAY.sub("", fault.path)) if not fault.line else fault


def _of_api(schedule: Schedule, file: str, mark: str) -> Schedule:
    # One that was taken away and made anew does not go on where the old one was, also if both look the same.
    revision = sha256(f"{schedule.revision}|{mark}".encode()).hexdigest()[:_REVISION]
    return replace(schedule, place=file, managed_by=ManagedBy.API, revision=revision)
