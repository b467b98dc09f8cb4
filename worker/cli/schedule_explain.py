"""`zenbeat schedule explain`: what was due around a time, what was decided, and what a downtime would do."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import click

from worker.cli.account import Account, name_of, read_account
from worker.cli.answers import answer
from worker.cli.doors import with_engine
from worker.cli.moments import utc_time, wall_time
from worker.cli.output import Words, output_option, say, show_one
from worker.cli.schedules import find_schedule
from worker.domain.catchup import catchup_in_words, decide, upcoming
from worker.domain.errors import StoreUnavailable
from worker.domain.moments import clock_change, read_moment
from worker.domain.schedule import Schedule, catchup_window
from worker.domain.zones import find_zone
from worker.engine.history import History
from worker.engine.runtime import clock
from worker.settings import load_settings

AROUND = 3
"""Fire times shown before and after the instant asked about."""

ENTRIES = 7
DOWNTIME = timedelta(hours=1)
CLOCKS_NEAR = timedelta(days=7)
LOOK_BACK = timedelta(days=366)


@click.command()
@click.argument("name")
@click.argument("time", required=False)
@click.option("--at", "at", help="The same as TIME.")
@output_option
def explain(name: str, time: str | None, at: str | None, output: str) -> None:
    """Tell why schedule NAME fired at TIME, or did not, and what it would do after an hour's downtime.

    TIME is in the schedule's zone, if it has no offset; without it, it is now. A schedule that follows others has no
    times of its own: it is told of its last fire until then, and of what it waits for.
    """
    settings = load_settings()
    schedule = find_schedule(settings, name)
    asked = time or at
    moment = read_moment(asked, schedule.timezone) if asked else clock()
    try:
        account = with_engine(lambda engine: read_account(engine, schedule, moment), settings)
        told = answer(account, moment, clock())
    except StoreUnavailable as error:
        account = Account(history=History(schedule=schedule, cursor=None, spans=(), entries=()))
        told = f"What was decided is not known: {error}"
        say(told)
    about = {**_due(schedule, moment, account), **_now(account), **_past(schedule, moment, account.history)}
    show_one({"schedule": schedule.name, "answer": told, **about}, output, words=WORDS)


def _due(schedule: Schedule, moment: datetime, account: Account) -> dict[str, Any]:
    """Tell when it is due; what follows others is due when they have ended."""
    about = {
        "defined": schedule.place,
        "when": f"{schedule.when} ({schedule.timezone})",
        "asked_about": wall_time(moment.astimezone(find_zone(schedule.timezone))),
    }
    if schedule.after is not None:
        return {**about, "has": list(account.seen), "waits_for": list(account.missing)}
    window = catchup_window(schedule, moment)
    return {
        **about,
        "fires": _fires(schedule, moment),
        "clocks": clock_change(moment, schedule.timezone, CLOCKS_NEAR) or "do not change within a week",
        "catchup": catchup_in_words(schedule.catchup, window),
        "after_1h_downtime": _after_downtime(schedule, moment, window),
    }


def _now(account: Account) -> dict[str, Any]:
    """Tell how it is now, and what became of the fire that is asked about."""
    return {
        "pause": account.pause or None,
        "runs": (account.entry or {}).get("runs", []),
        "running": [name_of(each) for each in account.running],
        "held": list(account.held),
    }


def _past(schedule: Schedule, moment: datetime, past: History) -> dict[str, Any]:
    cursor = past.cursor
    near = sorted(past.entries, key=lambda entry: abs(datetime.fromisoformat(entry["fire_time"]) - moment))[:ENTRIES]
    return {
        "considered_until": cursor.at if cursor else None,
        "timing_changed": None if cursor is None else cursor.revision != schedule.revision,
        "fires_taken": None if cursor is None else f"{cursor.taken} of {schedule.max_runs or 'any number'}",
        "considered": [{"from": span.begin, "until": span.end, "because": span.why} for span in past.spans],
        "ledger": sorted(near, key=lambda entry: entry["fire_time"]),
    }


def _fires(schedule: Schedule, moment: datetime) -> list[str]:
    zone = find_zone(schedule.timezone)
    before: list[datetime] = []
    edge = moment
    while len(before) < AROUND and (fire := schedule.timing.last(edge, moment - LOOK_BACK)) is not None:
        before.append(fire)
        edge = fire - timedelta(microseconds=1)
    fires = [*reversed(before), *upcoming(schedule.timing, moment, AROUND)]
    return [f"{wall_time(fire.astimezone(zone))}  {utc_time(fire)}" for fire in fires]


def _after_downtime(schedule: Schedule, moment: datetime, window: timedelta) -> list[dict[str, Any]]:
    """Decide as the beat would that comes back at `moment` and last looked an hour before."""
    dues = decide(schedule.timing, moment - DOWNTIME, moment, schedule.catchup, lambda: window)
    return [{"fire_time": due.fire_time, "decision": due.decision.value, "reason": due.reason} for due in dues]


def _counted(dues: list[dict[str, Any]]) -> str:
    if not dues:
        return "nothing was due in that hour"
    counts = Counter(due["decision"] for due in dues)
    reasons = dict.fromkeys(due["reason"] for due in dues if due["reason"])
    return "\n".join([", ".join(f"{number} {decision}" for decision, number in counts.items()), *reasons])


def _ledger_in_words(entries: list[dict[str, Any]]) -> str:
    if not entries:
        return "empty"
    lines = []
    for entry in entries:
        why = entry.get("reason") or (f"trigger {entry['trigger']}" if "trigger" in entry else "")
        fates = ", ".join(run["fate"] for run in entry.get("runs", ()))
        told = f"{entry['decision']}{f', {fates}' if fates else ''}"
        lines.append(f"{utc_time(datetime.fromisoformat(entry['fire_time']))}  {told}  {why}".rstrip())
    return "\n".join(lines)


def _runs_in_words(runs: list[dict[str, Any]]) -> str:
    return "\n".join(f"{run.get('run', '')}  {run['fate']}  {run.get('reason') or ''}".rstrip() for run in runs)


def _spans_in_words(spans: list[dict[str, Any]]) -> str:
    lines = [f"{utc_time(span['from'])} to {utc_time(span['until'])}: {span['because']}" for span in spans]
    return "\n".join(lines) or "never"


WORDS: Words = {
    "fires": "\n".join,
    "runs": _runs_in_words,
    "running": "\n".join,
    "held": "\n".join,
    "has": "\n".join,
    "waits_for": "\n".join,
    "considered": _spans_in_words,
    "ledger": _ledger_in_words,
    "considered_until": utc_time,
    "after_1h_downtime": _counted,
}
"""How the table tells what is not plain text."""
