"""What is to be said of a trigger now, in a sentence: why it waits, why there is no run, how the run ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from worker.domain.moments import distance
from worker.domain.outcome import Status
from worker.domain.trigger import Trigger, TriggerState
from worker.engine.lives import Span, Stage
from worker.engine.runtime import Engine

ENDS = {
    TriggerState.COMPLETED: "Its run completed.",
    TriggerState.FAILED: "Its run failed.",
    TriggerState.STOPPED: "Its run was stopped.",
    TriggerState.STUCK: "Its run never began: ZenML has lost it before it was submitted.",
    TriggerState.VANISHED: "Its run was deleted in ZenML before it ended.",
    TriggerState.SKIPPED: "Nothing was started: a run of its schedule was still going on.",
    TriggerState.DEAD: "There is no run, and it will not be tried again by itself.",
    TriggerState.CANCELLED: "It was withdrawn before it was sent.",
    TriggerState.DISCARDED: "It was given up.",
}

ON_ITS_WAY = {
    TriggerState.CLAIMED: "A worker holds it, and starts its run.",
    TriggerState.STARTED: "ZenML has its run.",
}

UNHEARD = "Its number was called {times} times, and no worker came: is one running?"


async def read_held(engine: Engine, trigger: Trigger, fields: Mapping[str, str]) -> str:
    """Say what its overlap policy lets it wait for; "" where it does not wait."""
    schedule = trigger.schedule or ""
    if trigger.id not in (await engine.triggers.held()).get(schedule, ()):
        return ""
    going = await engine.results.going_on(schedule)
    behind = f" while trigger {', '.join(going)} goes on" if going else ""
    return f"by overlap: {fields.get('overlap', '')}{behind}"


def sentence_of(fields: Mapping[str, str], spans: Sequence[Span], held: str, now: datetime) -> str:
    """Say how it stands; what ZenML said of it is `reason`, and stands beside."""
    state = TriggerState(fields["state"])
    if state is TriggerState.WAITING:
        return f"It is held {held}." if held else _waits(spans, now)
    if state is TriggerState.DISPATCHED:
        unheard = int(fields.get("unheard", 0))
        return UNHEARD.format(times=unheard) if unheard > 1 else "It is queued for the workers."
    return ENDS.get(state) or ON_ITS_WAY[state]


def _waits(spans: Sequence[Span], now: datetime) -> str:
    last = spans[-1] if spans else None
    ahead = f" {distance(last.end - now)}" if last and last.end and last.end > now else ""
    if last and last.stage is Stage.DUE:
        return f"It is due{ahead}."
    failed = any(span.attempt and span.word == Status.RETRYING for span in spans)
    if last and last.stage is Stage.BACKOFF:
        return f"The last attempt failed; the next try is{ahead or ' about to be'}."
    tried = "The last attempt failed; it" if failed else "It"
    return f"{tried} waits for its turn: as many are sent at once as ZenML takes, and as the limits allow."
