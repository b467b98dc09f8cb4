"""Why a schedule fired at an instant, or did not, in a sentence."""

from datetime import datetime, timedelta
from typing import Any

from worker.cli.account import Account
from worker.cli.moments import utc_time
from worker.domain.outcome import Decision
from worker.domain.schedule import Schedule
from worker.engine.history import History

LOOK_BACK = timedelta(days=366)

RECENT = timedelta(minutes=1)
"""Who asks about an instant so near asks about now."""

DECIDED = {
    Decision.FIRED: "It fired",
    Decision.DEDUPLICATED: "It did not fire again",
    Decision.MISSED_DOWNTIME: "It was missed",
    Decision.SKIPPED_CALENDAR: "It was skipped",
    Decision.SKIPPED_MAX_RUNS: "It was skipped",
    Decision.SKIPPED_OVERLAP: "It was skipped",
    Decision.SKIPPED_PAUSED: "It was skipped",
    Decision.COALESCED: "It was made up for",
    Decision.REJECTED: "It fired, and no run came of it",
    Decision.EXHAUSTED: "It fired, and no run came of it",
    Decision.EXPIRED: "It fired, and no run came of it",
    Decision.THROTTLED: "It fired, and no run came of it",
    Decision.DISCARDED: "It fired, and was given up",
}


FAILED = frozenset({"failed", "stuck", "stopped", "vanished"})
"""Fates of runs that a sentence gives the reason of."""


def answer(account: Account, moment: datetime, now: datetime) -> str:
    """Give the sentence, and another one if the schedule is paused and the instant is not past."""
    follows = account.history.schedule.after is not None
    told = _of_follower(account) if follows else _of_the_clock(account, moment, now)
    if moment < now - RECENT:
        return told
    if account.pause:
        return f"{told} It is {account.pause}."
    return f"{told} {_waits(account)}" if follows else told


def _of_the_clock(account: Account, moment: datetime, now: datetime) -> str:
    history = account.history
    if account.entry is not None:
        return _decided(account, account.entry)
    if moment > now:
        return _to_come(history.schedule, moment)
    if history.cursor is None:
        return "No beat has considered this schedule yet."
    if moment > history.cursor.at:
        return _not_looked(history, moment)
    return _without_entry(history, moment)


def _of_follower(account: Account) -> str:
    """Tell of a schedule that is due when others have ended: its last decision until then."""
    entry = account.entry
    if entry is None:
        return "Nothing that it follows had made it due by then."
    return f"It was last due at {utc_time(datetime.fromisoformat(entry['fire_time']))}. {_decided(account, entry)}"


def _waits(account: Account) -> str:
    after = account.history.schedule.after
    missing = (" and " if after is not None and after.together else " or ").join(account.missing)
    if not account.seen:
        return f"It waits for {missing}."
    return f"It waits for {missing}; what it has already: {', '.join(account.seen)}."


def _decided(account: Account, entry: dict[str, Any]) -> str:
    decision, reason = Decision(entry["decision"]), entry.get("reason")
    if decision is Decision.FIRED:
        return f"It fired{f', {reason}' if reason else ''}: {_became(account, entry)}."
    if decision is Decision.EXPIRED and "trigger" not in entry:
        return f"It did not fire: {reason}."
    return f"{DECIDED[decision]}: {reason or decision.value}."


def _became(account: Account, entry: dict[str, Any]) -> str:
    """Tell of each run of a fire how it ended, and of the trigger that has not."""
    trigger, runs = account.trigger, entry.get("runs", [])
    told = [_ended(run) for run in runs]
    if trigger.get("id") not in {run["trigger"] for run in runs}:
        told.append(_going_on(account, trigger, entry))
    return "; ".join(told)


def _ended(run: dict[str, Any]) -> str:
    why = f" ({run['reason']})" if run.get("reason") and run["fate"] in FAILED else ""
    return f"run {run.get('run', '')} {HOW.get(run['fate'], run['fate'])}{why}"


HOW = {"stopped": "was stopped", "stuck": "got stuck"}


def _going_on(account: Account, trigger: dict[str, str], entry: dict[str, Any]) -> str:
    state = trigger.get("state", "unknown")
    if state == "started":
        return f"run {trigger.get('run_id', '')} was started ({trigger.get('run_status', 'accepted')})"
    identity = trigger.get("id") or entry["trigger"]
    if account.behind is not None:
        policy = account.history.schedule.overlap.value
        return f"trigger {identity} waits for the end of {account.behind} (overlap: {policy})"
    reason = trigger.get("reason")
    return f"trigger {identity} is {state}{f', last because {reason}' if reason else ''}"


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
