"""Why a schedule fired at an instant, or did not, in a sentence."""

from datetime import datetime, timedelta
from typing import Any

from worker.cli.moments import utc_time
from worker.domain.outcome import Decision
from worker.domain.schedule import Schedule
from worker.engine.history import History

LOOK_BACK = timedelta(days=366)

DECIDED = {
    Decision.FIRED: "It fired",
    Decision.DEDUPLICATED: "It did not fire again",
    Decision.MISSED_DOWNTIME: "It was missed",
    Decision.SKIPPED_CALENDAR: "It was skipped",
    Decision.SKIPPED_MAX_RUNS: "It was skipped",
    Decision.REJECTED: "It fired, and no run came of it",
    Decision.EXHAUSTED: "It fired, and no run came of it",
    Decision.EXPIRED: "It fired, and no run came of it",
    Decision.THROTTLED: "It fired, and no run came of it",
    Decision.DISCARDED: "It fired, and was given up",
}


def answer(history: History, moment: datetime, now: datetime, trigger: dict[str, str]) -> str:
    """Give the sentence. `trigger` are the fields of the trigger of that instant; empty without one."""
    entry = history.entry(moment)
    if entry is not None:
        return _decided(entry, trigger)
    if moment > now:
        return _to_come(history.schedule, moment)
    if history.cursor is None:
        return "No beat has considered this schedule yet."
    if moment > history.cursor.at:
        return _not_looked(history, moment)
    return _without_entry(history, moment)


def _decided(entry: dict[str, Any], trigger: dict[str, str]) -> str:
    decision = Decision(entry["decision"])
    if decision is not Decision.FIRED:
        return f"{DECIDED[decision]}: {entry.get('reason', decision.value)}."
    state = trigger.get("state", "unknown")
    if state == "started":
        return f"It fired: run {trigger.get('run_id', '')} was started ({trigger.get('run_status', 'accepted')})."
    reason = trigger.get("reason")
    return f"It fired: trigger {entry['trigger']} is {state}{f', last because {reason}' if reason else ''}."


def _to_come(schedule: Schedule, moment: datetime) -> str:
    following = schedule.timing.next(moment - timedelta(microseconds=1))
    if following == moment:
        return "It will be due then."
    if following is None:
        return "It will not be due then, nor ever after."
    return f"It will not be due then; after that it is next due at {utc_time(following)}."


def _not_looked(history: History, moment: datetime) -> str:
    cursor = history.cursor
    limit = history.schedule.max_runs
    if cursor is None or (limit is not None and cursor.taken >= limit):
        return f"It did not fire: it had fired max_runs = {limit} times."
    if not _due(history.schedule, moment):
        return _not_due(history.schedule, moment)
    return f"It is not decided yet: the last look was at {utc_time(cursor.at)}. `zenbeat doctor` tells if a beat lives."


def _without_entry(history: History, moment: datetime) -> str:
    span = next((span for span in history.spans if span.begin < moment <= span.end), None)
    if span is None:
        later = next((span for span in history.spans if span.begin >= moment), None)
        if later is None:
            return "Nothing is on record from then."
        return f"It was not considered: {later.why}, at {utc_time(later.begin)}, and the past is not made up for."
    if not _due(history.schedule, moment):
        return _not_due(history.schedule, moment)
    if span is not history.spans[-1]:
        return "It is due then by the timing of today, but had another timing at that time."
    return "It was due and decided, but that is older than what the ledger keeps (ZENBEAT_LEDGER_MAX)."


def _due(schedule: Schedule, moment: datetime) -> bool:
    return schedule.timing.next(moment - timedelta(microseconds=1)) == moment


def _not_due(schedule: Schedule, moment: datetime) -> str:
    if schedule.timing.skipped(moment - timedelta(microseconds=1), moment, 1):
        return "It was skipped: its day is among skip_dates."
    before = schedule.timing.last(moment, moment - LOOK_BACK)
    after = schedule.timing.next(moment)
    told = [f"{utc_time(before)} before that" if before else "", f"{utc_time(after)} after it" if after else ""]
    return f"It was not due then, but {' and '.join(filter(None, told)) or 'never near it'}."
