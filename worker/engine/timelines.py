"""What became of the fires of some schedules lately, and which runs took how long: what a timeline is drawn from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.domain.fate import Fate
from worker.domain.outcome import Decision
from worker.domain.results import DEAD, Result
from worker.domain.trigger import TriggerState
from worker.engine.briefs import Brief
from worker.engine.runtime import Engine
from worker.store.codec import instant
from worker.store.figures import read_fields

MOST_MARKS = 400
"""Decisions that are read of one schedule, the newest."""

NEWEST = 5
"""Decisions among which it is looked for why a schedule fails."""

WRONG = frozenset(
    {
        Fate.FAILED.value,
        Fate.STUCK.value,
        DEAD,
        Decision.REJECTED.value,
        Decision.EXHAUSTED.value,
        Decision.EXPIRED.value,
        Decision.THROTTLED.value,
    }
)
"""Words for what counts as a failure."""

ON_ITS_WAY = {TriggerState.DISPATCHED.value, TriggerState.CLAIMED.value}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FIELDS = ("state", "recorded", "accepted", "fire", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What became of one fire, or of a run that a person asked for."""

    at: datetime
    """Its fire time; of a run that a person asked for, when that began."""
    word: str
    """A fate of its run, where that has ended; else a state of its trigger, or the decision."""
    reason: str = ""
    trigger: str | None = None
    begin: datetime | None = None
    """When ZenML accepted the run, if it is known."""
    end: datetime | None = None
    """When the run ended; None while it goes on."""
    by_hand: bool = False

    @property
    def seconds(self) -> float | None:
        """How long the run took; None while it goes on, and where that is not known."""
        return (self.end - self.begin).total_seconds() if self.begin and self.end else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The marks of one schedule, oldest first."""

    marks: Sequence[Mark] = ()
    cut: bool = False
    """There are older ones, which were not read."""


@dataclass(frozen=True, slots=True)
class _Going:
    """A trigger whose run, if it has one, has not ended."""

    trigger: str
    state: str
    reason: str
    recorded: datetime
    accepted: datetime | None
    fire: datetime | None


async def read_pasts(engine: Engine, briefs: Mapping[str, Brief], since: datetime) -> dict[str, Past]:
    """Read the marks of each of these schedules, from an instant on. Raises StoreUnavailable."""
    names = list(briefs)
    if not names:
        return {}
    ledgers = await engine.cursors.ledgers_since(names, since, MOST_MARKS)
    results = await engine.results.of(names)
    going = await _going(engine, briefs)
    return {
        name: Past(
            marks=_marks(ledgers[name], results[name], going.get(name, ()), since),
            cut=len(ledgers[name]) == MOST_MARKS,
        )
        for name in names
    }


async def read_failures(engine: Engine, names: Sequence[str]) -> dict[str, Mark]:
    """Read the newest failure of each of these schedules, however long ago; those without one are left out."""
    ledgers = await engine.cursors.ledgers_since(names, _EPOCH, NEWEST) if names else {}
    marks = {name: map(_decided, entries) for name, entries in ledgers.items()}
    found = {name: next((mark for mark in some if mark.word in WRONG), None) for name, some in marks.items()}
    return {name: mark for name, mark in found.items() if mark is not None}


async def _going(engine: Engine, briefs: Mapping[str, Brief]) -> dict[str, list[_Going]]:
    pairs = [(name, identity) for name, brief in briefs.items() for identity in brief.going[-MOST_MARKS:]]
    if not pairs:
        return {}
    rows = await read_fields(engine.redis, engine.keys, [identity for _, identity in pairs], FIELDS)
    found: dict[str, list[_Going]] = {}
    for name, identity in pairs:
        row = rows[identity]
        if "recorded" not in row:
            continue  # it is over since we looked, and forgotten
        going = _Going(
            trigger=identity,
            state=row.get("state", ""),
            reason=row.get("reason", ""),
            recorded=instant(int(row["recorded"])),
            accepted=_moment(row, "accepted"),
            fire=_moment(row, "fire"),
        )
        found.setdefault(name, []).append(going)
    return found


def _moment(row: Mapping[str, str], name: str) -> datetime | None:
    return instant(int(row[name])) if row.get(name) else None


def _marks(
    ledger: Iterable[Mapping[str, Any]], results: Sequence[Result], going: Sequence[_Going], since: datetime
) -> list[Mark]:
    ended = {result.fire_time: result for result in reversed(results)}
    on = {each.fire: each for each in going}
    marks = []
    for mark in map(_decided, ledger):
        if mark.at in on:
            marks.append(_goes_on(mark, on.pop(mark.at)))
        elif mark.at in ended:
            marks.append(_ended(mark, ended.pop(mark.at)))
        else:
            marks.append(mark)
    # What was due before, and what a person has begun.
    marks += [_goes_on(_unlisted(each), each) for each in going if each.fire is None or each.fire in on]
    marks += [
        _ended(_over(each), each) for each in results if each.fire_time is None or ended.get(each.fire_time) is each
    ]
    return sorted((mark for mark in marks if _concerns(mark, since)), key=lambda mark: mark.at)


def _concerns(mark: Mark, since: datetime) -> bool:
    """Tell whether it has anything to do with the time from an instant on."""
    goes_on = mark.begin is not None and mark.end is None
    return mark.at >= since or goes_on or (mark.end is not None and mark.end >= since)


def _decided(entry: Mapping[str, Any]) -> Mark:
    runs = entry.get("runs")
    last = runs[-1] if runs and entry["decision"] == Decision.FIRED else {}
    return Mark(
        at=datetime.fromisoformat(entry["fire_time"]),
        word=last.get("fate") or entry["decision"],
        reason=last.get("reason") or entry.get("reason") or "",
        trigger=last.get("trigger") or entry.get("trigger"),
    )


def _ended(mark: Mark, result: Result) -> Mark:
    begin = result.ended - timedelta(seconds=result.seconds) if result.seconds is not None else None
    word = result.fate if mark.word == Decision.FIRED else mark.word
    return replace(mark, word=word, trigger=result.trigger, begin=begin, end=result.ended)


def _goes_on(mark: Mark, going: _Going) -> Mark:
    if going.state == TriggerState.STARTED:
        return replace(mark, word="running", reason="", trigger=going.trigger, begin=going.accepted)
    word = TriggerState.WAITING.value if going.state in ON_ITS_WAY else going.state
    return replace(mark, word=word or mark.word, reason=going.reason, trigger=going.trigger)


def _unlisted(going: _Going) -> Mark:
    at = going.fire or going.accepted or going.recorded
    return Mark(at=at, word=going.state, by_hand=going.fire is None)


def _over(result: Result) -> Mark:
    at = result.fire_time or result.ended - timedelta(seconds=result.seconds or 0)
    return Mark(at=at, word=result.fate, by_hand=result.fire_time is None)
