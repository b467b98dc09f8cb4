"""What schedules follow, over all files: names that no schedule has, and schedules that wait for each other."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PurePath

from worker.domain.after import Upstream
from worker.domain.cycles import find_cycles
from worker.domain.errors import Fault
from worker.domain.nearest import did_you_mean
from worker.source.following import Link

_RUN = "run"
_Node = str | tuple[str | None, ...]
"""A schedule by its name, or a pipeline with its project: that is waited for, or, with a third part, that is run."""

_MOST_GUESSED = 10
"""Unknown names for which the nearest one is looked for, among so many names: it takes a second for 100,000."""
_MOST_COMPARED = 5_000

_MOST_DRAWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Schedules that wait for each other."""

    links: Sequence[Link]
    """Of each the one that leads to the next, in the order of the files."""

    def fault(self, link: Link) -> Fault:
        """Say so where one of its links stands."""
        return replace(link.place, message=self._sentence())

    def _sentence(self) -> str:
        drawn = [_drawn(link) for link in self.links[:_MOST_DRAWN]]
        if len(self.links) > _MOST_DRAWN:
            drawn.append(f"… {len(self.links) - _MOST_DRAWN} more")
        way = " -> ".join([*drawn, self.links[0].schedule])
        return f"{_EACH_OTHER if len(self.links) > 1 else _ITSELF}: {way}"


_EACH_OTHER = "these schedules wait for each other"
_ITSELF = "this schedule waits for itself"


def _drawn(link: Link) -> str:
    by = f" -> pipeline {link.upstream.pipeline}" if link.upstream.pipeline else ""
    place = f"{PurePath(link.place.file).name}:{link.line}" if link.line else link.place.file
    return f"{link.schedule} ({place}){by}"


def unknown_names(links: Iterable[Link], known: Collection[str]) -> list[Fault]:
    """Find what follows a schedule that there is not."""
    faults = []
    guesses: dict[str, str] = {}
    for link in links:
        name = link.upstream.schedule
        if name is None or name in known:
            continue
        if name not in guesses and len(guesses) < _MOST_GUESSED:
            guesses[name] = did_you_mean(name, _comparable(name, known))
        faults.append(replace(link.place, message=f'there is no schedule "{name}"{guesses.get(name, "")}'))
    return faults


def _comparable(name: str, known: Collection[str]) -> Iterable[str]:
    if len(known) <= _MOST_COMPARED:
        return known
    return islice((other for other in known if other[:2] == name[:2]), _MOST_COMPARED)


def find_rings(links: Iterable[Link]) -> list[Ring]:
    """Find the schedules that wait for each other."""
    following: dict[str, list[Link]] = {}
    for link in links:
        following.setdefault(link.schedule, []).append(link)
    found = []
    for ring in find_cycles(_edges(following)):
        names = [node for node in ring if isinstance(node, str)]
        pairs = zip(names, [*names[1:], names[0]], strict=True)
        found.append(Ring(links=[_link(following[name], following[other][0]) for name, other in pairs]))
    return found


def _edges(following: Mapping[str, Sequence[Link]]) -> dict[_Node, list[_Node]]:
    """Draw who waits for whom. Pipelines are nodes of their own, lest a thousand of each make a million of edges."""
    edges: dict[_Node, list[_Node]] = {name: [_waited(link.upstream) for link in following[name]] for name in following}
    runners: dict[str, dict[str | None, list[_Node]]] = {}
    for name, (link, *_) in following.items():
        runners.setdefault(link.pipeline, {}).setdefault(link.project, []).append(name)
    for upstream in {link.upstream for links in following.values() for link in links if link.upstream.pipeline}:
        of_pipeline = runners.get(upstream.pipeline or "", {})
        runs: dict[_Node, list[_Node]] = {(upstream.pipeline, own, _RUN): names for own, names in of_pipeline.items()}
        edges[_waited(upstream)] = [
            (upstream.pipeline, own, _RUN) for own in of_pipeline if _same(upstream.project, own)
        ]
        edges |= runs
    return edges


def _waited(upstream: Upstream) -> _Node:
    return upstream.schedule or (upstream.pipeline, upstream.project)


def _same(one: str | None, other: str | None) -> bool:
    """Tell whether two projects may be the same; which is meant where none is named, no file tells."""
    return one is None or other is None or one == other


def _link(links: Iterable[Link], target: Link) -> Link:
    """Find the link that leads to the schedule of another one."""
    for link in links:
        upstream = link.upstream
        if upstream.schedule == target.schedule:
            return link
        if upstream.pipeline == target.pipeline and _same(upstream.project, target.project):
            return link
    raise AssertionError("a ring is made of links")
