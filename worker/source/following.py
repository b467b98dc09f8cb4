"""From `after` in an entry to what a schedule follows, and to where it says so."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from worker.domain.after import COMPLETED, After, Upstream
from worker.domain.duration import format_duration
from worker.domain.errors import Fault
from worker.domain.fate import Fate
from worker.source.document import Document, Path
from worker.source.endings import FOLLOWED, AfterEntry, UpstreamEntry
from worker.source.findings import Findings
from worker.source.model import ScheduleEntry

_OF_THE_CLOCK = {
    "jitter": "jitter spreads fires of the clock; after has none",
    "catchup": "catchup is about fires of the clock; after has none (catchup_window says how long a start may wait)",
    "coalesce": "coalesce makes one run of several fires of the clock; after has none",
    "seconds": "seconds is about cron expressions; after has none",
}
"""Keys that make no sense beside `after`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """That a schedule follows something. Only these are looked at for unknown names and for cycles."""

    schedule: str
    pipeline: str
    project: str | None
    index: int
    """Of the schedule in its file."""
    line: int
    """Of the schedule."""
    upstream: Upstream
    place: Fault
    """Where the upstream stands, still without a sentence."""


def build_after(entry: AfterEntry, raw: dict[str, Any], path: Path, findings: Findings) -> After | None:
    """Make what an entry follows, or note what is wrong with it. `path` leads to the schedule, which says `raw`."""
    for key, sentence in _OF_THE_CLOCK.items():
        if raw.get(key) not in (None, False):
            findings.fault((*path, key), sentence, at_key=True)
    path = (*path, "after")
    if not _says_one(entry, FOLLOWED, path, findings):
        return None
    _check_list_keys(entry, path, findings)
    usable = []
    for place, upstream in _entries(entry, path):
        if not _says_one(upstream, FOLLOWED[:2], place, findings):
            return None
        if upstream.project is not None and upstream.pipeline is None and place != path:
            findings.fault((*place, "project"), _PROJECT, at_key=True)
        made = _upstream(upstream)
        if made in usable:
            findings.fault(place, f"{made} stands here twice")
        usable.append(made)
    return After(upstreams=tuple(usable), together=entry.all_of is not None, window=entry.window)


_PROJECT = "project belongs to a pipeline; the names of schedules are unique over all projects"


def _says_one(entry: UpstreamEntry, keys: tuple[str, ...], path: Path, findings: Findings) -> bool:
    given = [key for key in keys if getattr(entry, key) is not None]
    if not given:
        findings.fault(path, f"it is not said what is followed; write one of {', '.join(keys[:-1])} and {keys[-1]}")
    elif len(given) > 1:
        findings.fault((*path, given[1]), f'"{given[0]}" is followed already; keep one of them', at_key=True)
    return len(given) == 1


def _check_list_keys(entry: AfterEntry, path: Path, findings: Findings) -> None:
    several = entry.any_of or entry.all_of
    if entry.on is not None and several:
        findings.fault((*path, "on"), "on belongs into the list, to each of its members", at_key=True)
    if entry.project is not None and entry.pipeline is None:
        findings.fault((*path, "project"), _PROJECT if entry.schedule else _PROJECT_OF_LIST, at_key=True)
    if entry.window is not None and entry.all_of is None:
        findings.fault(
            (*path, "window"), "window is how long all_of waits for the others; here is no all_of", at_key=True
        )


_PROJECT_OF_LIST = "project belongs into the list, beside its pipeline"


def _entries(entry: AfterEntry, path: Path) -> Iterator[tuple[Path, UpstreamEntry]]:
    listed = entry.any_of or entry.all_of
    if listed is None:
        yield path, entry
        return
    key = "any_of" if entry.any_of is not None else "all_of"
    for index, upstream in enumerate(listed):
        yield (*path, key, index), upstream


def _upstream(entry: UpstreamEntry) -> Upstream:
    on = frozenset(map(Fate, entry.on)) if entry.on else COMPLETED
    return Upstream(schedule=entry.schedule, pipeline=entry.pipeline, project=entry.project, on=on)


def after_links(entry: ScheduleEntry, after: After, path: tuple[str, int], document: Document) -> Iterator[Link]:
    """Say of each upstream where it stands."""
    if entry.after is None:
        return
    line = document.fault(path, "").line
    places = [place for place, _ in _entries(entry.after, (*path, "after"))]
    for place, upstream in zip(places, after.upstreams, strict=True):
        yield Link(
            schedule=entry.name,
            pipeline=entry.pipeline,
            project=entry.project,
            index=path[1],
            line=line,
            upstream=upstream,
            place=document.fault((*place, "schedule" if upstream.schedule else "pipeline"), ""),
        )


def after_text(after: After) -> str:
    """Write what is followed as a person says it: `after nightly-training`, `after all of a, b within 6h`."""
    many = len(after.upstreams) > 1 or after.together
    words = ("all of " if after.together else "any of ") if many else ""
    within = f" within {format_duration(after.window)}" if after.window else ""
    return f"after {words}{', '.join(map(_text, after.upstreams))}{within}"


def _text(upstream: Upstream) -> str:
    name = upstream.schedule or f"pipeline {upstream.pipeline}"
    return name if upstream.on == COMPLETED else f"{name} ({' or '.join(fate for fate in Fate if fate in upstream.on)})"


def after_parts(after: After) -> list[Any]:
    """Give what decides when it starts: for a hash, so that the order of the upstreams plays no part."""
    upstreams = sorted(
        [upstream.schedule or "", upstream.pipeline or "", upstream.project or "", sorted(upstream.on)]
        for upstream in after.upstreams
    )
    return [upstreams, after.together, after.window and after.window.total_seconds()]
