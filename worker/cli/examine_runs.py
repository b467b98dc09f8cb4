"""What `zenbeat doctor` sees of runs and schedules: what is followed, what is wrong, who was not told."""

from collections.abc import Mapping, Sequence

from worker.cli.moments import utc_time
from worker.domain.errors import StoreUnavailable
from worker.domain.finding import Finding, ok, warning
from worker.domain.pause import Pause, PauseCause
from worker.engine.runtime import Engine
from worker.store.alerts import Incident

MOST_LISTED = 10

MOST_EVENTS = 100
"""The beat that leads sees to hundreds in a tick: more than these mean that it does not."""

RULES = frozenset({PauseCause.FAILURES})
"""Causes of a pause that somebody should look at; the others are meant."""


async def examine_runs(engine: Engine) -> list[Finding]:
    """See what is going on, and what was left undone."""
    try:
        following = await engine.following.count()
        held = sum(map(len, (await engine.triggers.held()).values()))
        incidents = await engine.alerts.incidents()
        now = engine.clock()
        pauses = await engine.pauses.holding(now)
        letters = await engine.alerts.waiting()
        events = await engine.events.count()
    except StoreUnavailable:
        return []  # said already
    waiting = f", {held} held by overlap policies" if held else ""
    return [
        ok("runs", f"{following} followed{waiting}"),
        *_incidents(incidents),
        *_pauses(pauses),
        *_letters(letters),
        *_events(events),
    ]


def _incidents(incidents: Sequence[Incident]) -> list[Finding]:
    newest = sorted(incidents, key=lambda incident: incident.since, reverse=True)
    found = [
        warning(f"{each.schedule}: {each.kind}", f"since {utc_time(each.since)}{_times(each)}: {each.reason}", "")
        for each in newest[:MOST_LISTED]
    ]
    more = len(newest) - MOST_LISTED
    if more > 0:
        found.append(warning("incidents", f"{more} more", "see: zenbeat schedule list"))
    return found


def _times(incident: Incident) -> str:
    return f", {incident.count} times" if incident.count > 1 else ""


def _pauses(pauses: Mapping[str, Pause]) -> list[Finding]:
    found = [
        warning(f"{name}: paused", str(pause), f"mend what failed, then: zenbeat schedule resume {name}")
        for name, pause in sorted(pauses.items())
        if pause.cause in RULES
    ]
    meant = sorted(name for name, pause in pauses.items() if pause.cause not in RULES)
    if meant:
        listed = ", ".join(meant[:MOST_LISTED]) + (", …" if len(meant) > MOST_LISTED else "")
        found.append(ok("paused", f"{len(meant)}: {listed}"))
    return found


def _letters(count: int) -> list[Finding]:
    if not count:
        return []
    hint = "those of the last minutes are on their way; see that the others can be delivered: zenbeat alert test"
    return [warning("alerts", f"{count} not delivered yet", hint)]


def _events(count: int) -> list[Finding]:
    if count <= MOST_EVENTS:
        return []
    told = f"{count} things that have happened are not seen to: what follows from them waits"
    return [warning("events", told, "see that a beat leads, and look at its log")]
