"""The ledger of a schedule as rows: what was decided for each fire time, why, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worker.api.pages import decode_cursor, encode_cursor
from worker.domain.fate import Fate
from worker.domain.outcome import Decision
from worker.domain.results import Result
from worker.domain.schedule import Schedule
from worker.engine.newsweeps import fired_identity
from worker.engine.standings import Going
from worker.store.codec import milliseconds
from worker.web.states import Tone, look_of

SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run of a fire time, and how it ended."""

    trigger: str
    fate: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFire:
    """A fire time that was decided."""

    at: datetime
    decision: str
    reason: str
    trigger: str
    sweep: str
    """The sweep that began, where the fires of the schedule are sweeps."""
    runs: Sequence[Ended]
    going: str
    """The state of its trigger, while its run is on its way or going on."""
    seconds: float | None
    late_ms: int | None

    @property
    def key(self) -> int:
        """Tell it from the others on its page."""
        return milliseconds(self.at)

    @property
    def word(self) -> str:
        """Say in a word what came of it in the end."""
        return self.going or (self.runs[-1].fate if self.runs else self.decision)

    @property
    def failed(self) -> bool:
        """Whether it went wrong."""
        return look_of(self.word).tone is Tone.BAD

    @property
    def why(self) -> str:
        """Say why it came to that; "" if nobody knows."""
        return self.runs[-1].reason if self.runs else self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """Some of the rows, the newest first, and the way to the older ones."""

    rows: Sequence[PastFire]
    next: str | None
    decision: str
    decisions: Sequence[str]
    """Those that there are, to choose among."""
    count: int
    """How many there are on record in all, of the decision that was chosen."""
    newest: bool
    """This is the first page."""


def read_past(
    entries: Sequence[Mapping[str, Any]], results: Sequence[Result], going: Sequence[Going], schedule: Schedule | None
) -> list[PastFire]:
    """Put a ledger and what is known of its runs together; in the order of `entries`."""
    ended = {result.trigger: result for result in results}
    states = {each.trigger: each.state for each in going}
    sweeping = schedule if schedule is not None and schedule.sweep is not None else None
    return [_past(entry, ended, states, sweeping) for entry in entries]


def _past(
    entry: Mapping[str, Any], ended: Mapping[str, Result], states: Mapping[str, str], sweeping: Schedule | None
) -> PastFire:
    at = datetime.fromisoformat(entry["fire_time"])
    trigger = entry.get("trigger") or ""
    runs = [
        Ended(trigger=run.get("trigger") or trigger, fate=run["fate"], reason=_why(run))
        for run in entry.get("runs", ())
    ]
    ids = [run.trigger for run in runs] or [trigger]
    result = next((ended[identity] for identity in reversed(ids) if identity in ended), None)
    return PastFire(
        at=at,
        decision=entry["decision"],
        reason=entry.get("reason") or "",
        trigger=trigger,
        sweep=fired_identity(sweeping, at) if sweeping and entry["decision"] == Decision.FIRED else "",
        runs=runs,
        going="" if runs else states.get(trigger, ""),
        seconds=result.seconds if result else None,
        late_ms=result.lateness_ms if result else None,
    )


def _why(run: Mapping[str, Any]) -> str:
    return "" if run["fate"] == Fate.COMPLETED else run.get("reason") or ""


def page_of(past: Sequence[PastFire], decision: str, cursor: str | None) -> LedgerPage:
    """Choose a page; `past` is newest first, `decision` "" for all. Raises Unknown for a wrong cursor."""
    place = decode_cursor(cursor, int)
    chosen = [each for each in past if decision in ("", each.decision)]
    after = [each for each in chosen if place is None or each.key < place[0]]
    rows = after[:SHOWN]
    return LedgerPage(
        rows=rows,
        next=encode_cursor(rows[-1].key) if len(after) > SHOWN else None,
        decision=decision,
        decisions=sorted({each.decision for each in past} | ({decision} - {""})),
        count=len(chosen),
        newest=place is None,
    )
