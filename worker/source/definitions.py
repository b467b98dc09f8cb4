"""Everything that the files define, put together: names are unique over all of them."""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import TypeVar

from worker.domain.errors import Fault
from worker.domain.schedule import Schedule, SweepDefinition
from worker.source.build import Version

Defined = TypeVar("Defined", Schedule, SweepDefinition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """What is to run, and what was found on the way. Faults keep a file from being used, warnings do not."""

    schedules: tuple[Schedule, ...] = ()
    sweeps: tuple[SweepDefinition, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def join(versions: Iterable[Version], good: MutableMapping[str, Version]) -> Definitions:
    """Put the files together, in the order given.

    `good` has the last version of each file without faults; it stands in for one with faults, and is brought up to
    date. Of two entries with one name the second is the fault.
    """
    taken: dict[tuple[str, str], str] = {}
    schedules: list[Schedule] = []
    sweeps: list[SweepDefinition] = []
    faults: list[Fault] = []
    warnings: list[Fault] = []
    for version in versions:
        doubled = _doubled(version, dict(taken))
        warnings += version.warnings
        if version.faults or doubled:
            faults += sorted([*version.faults, *doubled], key=lambda fault: (fault.file, fault.line, fault.column))
            used = good.get(version.file, Version(file=version.file))
        else:
            used = good[version.file] = version
        schedules += _free("schedules", used.schedules, taken)
        sweeps += _free("sweeps", used.sweeps, taken)
    return Definitions(
        schedules=tuple(schedules),
        sweeps=tuple(sweeps),
        # A config template that several files use is reported once.
        faults=tuple(dict.fromkeys(faults)),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _doubled(version: Version, taken: dict[tuple[str, str], str]) -> list[Fault]:
    found = []
    for names in version.names:
        for name, index, line, column in names:
            here = f"{version.file}:{line}"
            first = taken.setdefault((names.section, name), here)
            if first != here:
                message, path = f'"{name}" is defined already, in {first}', f"{names.section}.{index}.name"
                found.append(Fault(file=version.file, line=line, column=column, path=path, message=message))
    return found


def _free(section: str, defined: Iterable[Defined], taken: dict[tuple[str, str], str]) -> list[Defined]:
    """Give those whose name is not taken, and take it."""
    free = [one for one in defined if (section, one.name) not in taken]
    taken.update({(section, one.name): one.place for one in free})
    return free
