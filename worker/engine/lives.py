"""The life of a trigger as stages, one after the other: from its record to the end of its run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from worker.domain.fate import Fate
from worker.domain.outcome import Status
from worker.domain.trigger import ACTIVE, Trigger, TriggerState
from worker.engine.outcomelist import OutcomeFilter, list_outcomes
from worker.engine.runtime import Engine
from worker.store.codec import decode_trigger, instant

MOST = 200
"""Outcomes of one trigger that are told of; hardly any has as many."""

AFTERWARDS = timedelta(hours=1)
"""What became of a run is on record this soon after its end, unless nobody looked."""


AT_ONCE = timedelta(seconds=0.5)
"""What is due so soon is due at once: the clocks of who asked and of Redis differ a little."""


class Stage(StrEnum):
    """What goes on with a trigger for a while, or happens at an instant."""

    DUE = "until it is due"
    READY = "waits for its turn"
    QUEUED = "queued for the workers"
    PREPARED = "prepared by a worker"
    TRIED = "on its way to ZenML"
    """All of that together, where it is not on record how far the attempt came when."""
    ANSWER = "asks ZenML"
    BACKOFF = "waits for the next try"
    DEAD = "dead letter"
    STARTING = "the run is prepared"
    RUNNING = "the run runs"
    ENDED = "ended"
    TOLD = "told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One stage: from when to when; `end` is None while it goes on, and the same as `begin` for what just happens."""

    stage: Stage
    begin: datetime
    end: datetime | None
    word: str = ""
    """How it ended, in the words of the outcomes; "" where nothing is to be said."""
    attempt: int | None = None
    """Number of the attempt that it belongs to, from 1."""
    http_status: int | None = None
    about: str = ""
    """Why, in a sentence."""

    @property
    def length(self) -> timedelta | None:
        """How long it took; None while it goes on."""
        return self.end - self.begin if self.end is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """All of it. `cut`: there are, or were, outcomes that are not told of here."""

    spans: Sequence[Span]
    cut: bool = False


async def read_life(engine: Engine, fields: Mapping[str, str]) -> Life:
    """Read the life of a trigger; `fields` are those of its hash."""
    trigger = decode_trigger(fields["data"].encode())
    ends = [int(fields[name]) for name in ("run_ended", "ended", "replayed") if name in fields]
    over = fields["state"] not in ACTIVE | {TriggerState.STARTED} and ends
    wanted = OutcomeFilter(
        fields={"trigger": frozenset([trigger.id])},
        since=fields["recorded"],
        until=str(max(ends) + milliseconds_of(AFTERWARDS)) if over else "+",
    )
    found = await list_outcomes(engine, wanted, "", MOST)
    spans = spans_of(trigger, fields, found.rows[::-1], engine.clock())
    return Life(spans=spans, cut=found.last is not None)


def milliseconds_of(length: timedelta) -> int:
    """Give a length in milliseconds."""
    return round(length.total_seconds() * 1000)


def spans_of(
    trigger: Trigger, fields: Mapping[str, str], outcomes: Sequence[Mapping[str, str]], now: datetime
) -> list[Span]:
    """Put a life together from the fields of a trigger's hash and its outcomes, the oldest first.

    What the stream has lost is told as far as the hash knows it. A stage that will be over at a known time ends then.
    """
    told = sorted([*outcomes, *_remembered(fields, outcomes)], key=_at)
    return _Teller(trigger, fields, now, instant(int(fields["recorded"]))).tell(told)


def _remembered(fields: Mapping[str, str], outcomes: Sequence[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
    """Give the outcomes that are gone from the stream, or not there yet, and of which the hash tells."""
    known = {outcome["status"] for outcome in outcomes}
    why = {"reason": fields["reason"]} if fields.get("reason") else {}
    if "accepted" in fields and Status.STARTED not in known:
        yield {"status": Status.STARTED, "at": _iso(fields["accepted"])}
    if "run_ended" in fields and fields["state"] not in known:
        yield {"status": fields["state"], "at": _iso(fields["run_ended"]), **why}
    ended = {TriggerState.DEAD, TriggerState.CANCELLED, TriggerState.DISCARDED, TriggerState.SKIPPED}
    if fields["state"] in ended and fields["state"] not in known and "ended" in fields:
        yield {"status": fields["state"], "at": _iso(fields["ended"]), **why}


def _iso(epoch_ms: str) -> str:
    return instant(int(epoch_ms)).isoformat(timespec="milliseconds")


@dataclass(slots=True)
class _Teller:
    """Goes through the outcomes, and keeps since when the present stage is."""

    trigger: Trigger
    fields: Mapping[str, str]
    now: datetime
    since: datetime
    spans: list[Span] = field(default_factory=list)
    stage: Stage | None = Stage.READY
    """What goes on at present; None when it has ended."""
    next_try: datetime | None = None
    """When the present wait is over, at the latest."""
    attempt: int = 0

    def tell(self, outcomes: Sequence[Mapping[str, str]]) -> list[Span]:
        if self.trigger.due > self.since + AT_ONCE and not any(
            _ended_the_wait(outcome, self.trigger.due) for outcome in outcomes
        ):
            self._close(self.trigger.due, Stage.DUE)
        for outcome in outcomes:
            self._next(outcome)
        self._present()
        return sorted(self.spans, key=lambda span: span.begin)

    def _next(self, outcome: Mapping[str, str]) -> None:
        status, at = outcome["status"], _at(outcome)
        if _is_attempt(outcome):
            self._attempted(outcome)
        if status == Status.RETRYING and _is_attempt(outcome):
            self.stage, self.next_try = Stage.BACKOFF, _moment(outcome, "next_try")
        elif status == Status.STARTED:
            self.stage = Stage.STARTING
        elif status == Status.RUNNING:
            self._close(at, Stage.STARTING)
            self.stage = Stage.RUNNING
        elif status == Status.DEAD:
            self._dead(outcome)
        elif status in set(Fate):
            self._ended(outcome)
        else:
            self._happened(outcome)

    def _attempted(self, outcome: Mapping[str, str]) -> None:
        """Tell of an attempt from its stamps, as far as they are on record."""
        self.attempt += 1
        self._left(_moment(outcome, "dispatched") or _moment(outcome, "claimed") or _at(outcome))
        self._until(_moment(outcome, "dispatched"), Stage.READY)
        self._until(_moment(outcome, "claimed"), Stage.QUEUED)
        at, sent = _at(outcome), _moment(outcome, "sent")
        if sent is not None and sent < self.since:
            # Both are by the worker's clock, which may be a little behind Redis'.
            at, sent = at + (self.since - sent), self.since
        self._until(sent, Stage.PREPARED)
        told = Stage.PREPARED if outcome.get("claimed") else Stage.TRIED
        status = outcome.get("http_status", "")
        self._close(
            at,
            Stage.ANSWER if sent else told,
            word=outcome["status"],
            about=outcome.get("reason", ""),
            attempt=self.attempt,
            http_status=int(status) if status.isdecimal() else None,
        )

    def _left(self, first: datetime) -> None:
        """End what kept it from being tried, now that it was again: `first` is the earliest that is known of that."""
        if self.stage is Stage.DEAD:
            again = _stamp(self.fields, "replayed")
            self._close(again if again and self.since <= again <= first else first, Stage.DEAD)
        elif self.stage is Stage.BACKOFF:
            # A server that was only full is asked again before, when it takes more.
            self._close(min(self.next_try or first, first), Stage.BACKOFF)
        self.stage = Stage.READY

    def _dead(self, outcome: Mapping[str, str]) -> None:
        at = _at(outcome)
        if "attempts" not in outcome:
            self._close(at, self.stage or Stage.READY, word=Status.DEAD, about=outcome.get("reason", ""))
        self.since, self.stage = at, Stage.DEAD

    def _ended(self, outcome: Mapping[str, str]) -> None:
        ended = instant(int(self.fields["run_ended"])) if "run_ended" in self.fields else _at(outcome)
        running = self.stage if self.stage in (Stage.STARTING, Stage.RUNNING) else Stage.RUNNING
        self._close(ended, running, word=outcome["status"], about=outcome.get("reason", ""))
        self.stage = None

    def _happened(self, outcome: Mapping[str, str]) -> None:
        """Tell of what ended it by a person or a rule, or only happened meanwhile."""
        status, at = outcome["status"], _at(outcome)
        over = status in (Status.CANCELLED, Status.DISCARDED, Status.SKIPPED)
        if over and self.stage is not None:
            self._close(at, self.stage)
            self.stage = None
        stage = Stage.ENDED if over else Stage.TOLD
        self.spans.append(Span(stage=stage, begin=at, end=at, word=status, about=outcome.get("reason", "")))

    def _present(self) -> None:
        """Tell what goes on now."""
        if self.stage is None:
            return
        state = self.fields["state"]
        waits = self.next_try if self.stage is Stage.BACKOFF else None
        if state == TriggerState.WAITING and waits and waits > self.now:
            self._close(waits, Stage.BACKOFF)
            return
        if state in ACTIVE and self.stage in (Stage.DEAD, Stage.BACKOFF):
            dispatched = _stamp(self.fields, "dispatched")
            self._left(dispatched if dispatched and dispatched >= self.since else self.now)
        if state in (TriggerState.DISPATCHED, TriggerState.CLAIMED):
            self._with_workers()
        if self.since <= self.now:
            self.spans.append(Span(stage=self.stage, begin=self.since, end=None))

    def _with_workers(self) -> None:
        self._until(_stamp(self.fields, "dispatched"), Stage.READY)
        self.stage = Stage.QUEUED
        if self.fields["state"] == TriggerState.CLAIMED:
            self._until(_stamp(self.fields, "claimed"), Stage.QUEUED)
            sent = _stamp(self.fields, "sent")
            self.stage = Stage.ANSWER if sent and sent >= self.since else Stage.PREPARED
            self._until(sent, Stage.PREPARED)

    def _until(self, end: datetime | None, stage: Stage) -> None:
        """End a stage where it is known when: a stamp of an earlier attempt tells nothing."""
        if end is not None and end >= self.since:
            self._close(end, stage)

    def _close(
        self,
        end: datetime,
        stage: Stage,
        *,
        word: str = "",
        about: str = "",
        attempt: int | None = None,
        http_status: int | None = None,
    ) -> None:
        # The clocks of ZenML and ours differ: nothing ends before it began.
        end = max(end, self.since)
        if end == self.since and not word:
            return  # over in no time: nothing to tell
        self.spans.append(
            Span(
                stage=stage,
                begin=self.since,
                end=end,
                word=word,
                about=about,
                attempt=attempt,
                http_status=http_status,
            )
        )
        self.since = end


def _is_attempt(outcome: Mapping[str, str]) -> bool:
    """Tell whether it ends an attempt: what announces that a failed run is started again is none, for one."""
    status = outcome["status"]
    return status == Status.STARTED or (status in (Status.RETRYING, Status.DEAD) and "attempts" in outcome)


def _ended_the_wait(outcome: Mapping[str, str], due: datetime) -> bool:
    return _at(outcome) < due and (_is_attempt(outcome) or outcome["status"] != Status.RETRYING)


def _at(outcome: Mapping[str, str]) -> datetime:
    # What a script has written has no stamp but its place in the stream.
    return _moment(outcome, "at") or instant(int(outcome["id"].partition("-")[0]))


def _moment(outcome: Mapping[str, str], name: str) -> datetime | None:
    return datetime.fromisoformat(outcome[name]) if outcome.get(name) else None


def _stamp(fields: Mapping[str, str], name: str) -> datetime | None:
    return instant(int(fields[name])) if name in fields else None
