"""Everything that the files define, put together: names are unique over all of them, and nobody waits in a ring."""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from worker.domain.errors import Fault
from worker.domain.hook import Hook
from worker.domain.schedule import Schedule, SweepDefinition
from worker.source.build import TIMED, Version
from worker.source.chains import find_rings, unknown_names
from worker.source.following import Link

Defined = TypeVar("Defined", Schedule, SweepDefinition, Hook)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """What is to run, and what was found on the way. Faults keep a file from being used, warnings do not."""

    schedules: tuple[Schedule, ...] = ()
    sweeps: tuple[SweepDefinition, ...] = ()
    hooks: tuple[Hook, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    named: Mapping[str, Schedule] = field(init=False, compare=False, repr=False)
    """The schedules by their names."""

    def __post_init__(self) -> None:
        """Put the names to the schedules, once for all who ask for one."""
        object.__setattr__(self, "named", {schedule.name: schedule for schedule in self.schedules})


def join(
    versions: Iterable[Version], good: MutableMapping[str, Version], beside: Iterable[Version] = ()
) -> Definitions:
    """Put the files together, in the order given.

    `good` has the last version of each file without faults; it stands in for one with faults, and is brought up to
    date. Of two entries with one name the second is the fault; of files whose schedules wait for each other it is the
    last of those that are not good already. `beside` are files of which only the names count.
    """
    joint = _Joint(list(versions), good)
    joint.check_names(beside)
    joint.check_rings(joint.versions)
    # What stands in for a file may make other rings.
    while joint.choose() and joint.check_rings(joint.used):
        pass
    return joint.finish(good)


class _Joint:
    """The work on one set of files."""

    def __init__(self, versions: Sequence[Version], good: Mapping[str, Version]) -> None:
        self.versions = versions
        self._good = good
        self._chained: dict[str, list[Fault]] = {}
        """What is wrong with a file because of what its schedules follow."""
        self._left_out: set[str] = set()
        self.used: list[Version] = []
        self._faults: list[Fault] = []
        self._schedules: list[Schedule] = []
        self._sweeps: list[SweepDefinition] = []
        self._hooks: list[Hook] = []

    def check_names(self, beside: Iterable[Version]) -> None:
        """Note what follows a schedule that there is not."""
        named = [link for version in self.versions for link in version.links if link.upstream.schedule]
        everywhere = [*self.versions, *beside]
        # Nobody knows the names in a file that cannot be read.
        if not named or not all(version.names for version in everywhere):
            return
        known = {name for version in everywhere for name, *_ in _schedule_names(version)}
        good = [schedule for version in self._good.values() for schedule in version.schedules]
        known |= {schedule.name for schedule in good if schedule.sweep is None}
        for fault in unknown_names(named, known):
            self._chain(fault)

    def check_rings(self, versions: Sequence[Version]) -> bool:
        """Note which schedules of these versions wait for each other, and tell whether there are any."""
        rings = find_rings([link for link in _links(versions) if link.schedule not in self._left_out])
        if not rings:
            return False
        order = {version.file: number for number, version in enumerate(versions)}
        changed = {version.file for version in versions if version is not self._good.get(version.file)}
        for ring in rings:
            guilty = [link for link in ring.links if link.place.file in changed]
            blamed = max(guilty or ring.links, key=lambda link: order[link.place.file])
            if not guilty:
                # A name that another file has given up makes a ring of what was good. They would start each other.
                self._left_out.add(blamed.schedule)
            self._chain(ring.fault(blamed))
        return True

    def choose(self) -> bool:
        """Choose what is used of each file, and tell whether something stands in for one."""
        taken: dict[tuple[str, str], str] = {}
        self.used, self._faults, self._schedules, self._sweeps, self._hooks = [], [], [], [], []
        for version in self.versions:
            faults = [*version.faults, *_doubled(version, dict(taken)), *self._chained.get(version.file, ())]
            self._faults += sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column))
            used = self._good.get(version.file, Version(file=version.file)) if faults else version
            self.used.append(used)
            self._schedules += _free("schedules", used.schedules, taken)
            self._sweeps += _free("sweeps", used.sweeps, taken)
            self._hooks += _free("hooks", used.hooks, taken)
        return bool(self._faults)

    def finish(self, good: MutableMapping[str, Version]) -> Definitions:
        """Give what came of it, and keep what is good."""
        good.update(
            {used.file: used for used, version in zip(self.used, self.versions, strict=True) if used is version}
        )
        return Definitions(
            schedules=tuple(one for one in self._schedules if one.name not in self._left_out),
            sweeps=tuple(self._sweeps),
            hooks=tuple(self._hooks),
            # A config template that several files use is reported once.
            faults=tuple(dict.fromkeys(self._faults)),
            warnings=tuple(dict.fromkeys(warning for version in self.versions for warning in version.warnings)),
        )

    def _chain(self, fault: Fault) -> None:
        self._chained.setdefault(fault.file, []).append(fault)


def _links(versions: Sequence[Version]) -> list[Link]:
    """Give what is followed; of schedules with one name the first counts."""
    links = [link for version in versions for link in version.links]
    following = {link.schedule for link in links}
    owners: dict[str, tuple[str, int]] = {}
    for version in versions if links else ():
        for name, index, _, _ in _schedule_names(version):
            if name in following:
                owners.setdefault(name, (version.file, index))
    return [link for link in links if owners.get(link.schedule) == (link.place.file, link.index)]


def _schedule_names(version: Version) -> Iterator[tuple[str, int, int, int]]:
    return chain.from_iterable(names for names in version.names if names.section == "schedules")


def _doubled(version: Version, taken: dict[tuple[str, str], str]) -> list[Fault]:
    found = []
    for names in version.names:
        # A sweep that is due by the clock takes the name of a schedule too.
        section, among = ("sweeps", "schedules") if names.section == TIMED else (names.section, names.section)
        for name, index, line, column in names:
            # What was made over the API has no lines.
            here = f"{version.file}:{line}" if line else version.file
            first = taken.setdefault((among, name), here)
            if first != here:
                message, path = (
                    f'"{name}" is defined already, in {first}',
                    f"{section}.{index}.name" if line else "name",
                )
                found.append(Fault(file=version.file, line=line, column=column, path=path, message=message))
    return found


def _free(section: str, defined: Iterable[Defined], taken: dict[tuple[str, str], str]) -> list[Defined]:
    """Give those whose name is not taken, and take it."""
    free = [one for one in defined if (section, one.name) not in taken]
    taken.update({(section, one.name): one.place for one in free})
    return free
