"""`zenbeat trigger list|show|cancel`."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import click
import orjson

from worker.cli.auditing import tell
from worker.cli.doors import with_engine
from worker.cli.output import Words, output_option, say, short_time, show, show_one
from worker.domain.outcome import Status
from worker.domain.trigger import TriggerState, attempt_id
from worker.engine.chain import read_chain
from worker.engine.lifewords import read_held
from worker.engine.runtime import Engine
from worker.engine.steering import WITHDRAWN, read_trigger, withdraw
from worker.store.codec import decode_trigger, instant

SEEN = 1_000
"""Triggers that are looked through for those in a certain state."""

HISTORY = 20_000
"""Outcomes that are looked through for those of one trigger."""

TIMES = (
    *("recorded", "expires", "dispatched", "claimed", "sent", "accepted"),
    *("verified", "stop_asked", "run_ended", "ended", "replayed"),
)

HIDDEN = ("token", "digest", "rank", "fire", "overlap")
"""What is there for the scripts."""

COLUMNS = ("trigger", "from", "state", "due", "run", "run_status", "reason")
CSV = ("trigger", "from", "state", "due", "attempt", "max_attempts", "run_id", "run_status", "reason")
SPARE = ("reason", "run_status", "run")


@click.command("list")
@click.option("--state", type=click.Choice([state.value for state in TriggerState]), help="Only those in this state.")
@click.option("-n", "--limit", default=20, show_default=True, help="The most to list.")
@output_option
def list_triggers(state: str | None, limit: int, output: str) -> None:
    """List the triggers recorded last, newest first."""
    rows = with_engine(partial(_newest, limit, state))
    if output == "table":
        rows = [{**row, "run": _of(row["attempt"], row["max_attempts"])} for row in rows]
    show(
        rows, COLUMNS if output == "table" else CSV, output, words={"due": short_time}, empty="no triggers", spare=SPARE
    )


async def _newest(limit: int, state: str | None, engine: Engine) -> list[dict[str, Any]]:
    ids = await engine.triggers.newest(SEEN if state else limit)
    found = [fields for fields in await engine.triggers.get(ids) if fields]
    return [row(fields) for fields in found if state in (None, fields["state"])][:limit]


def row(fields: dict[str, str]) -> dict[str, Any]:
    """Give a trigger as a row of a list."""
    trigger = decode_trigger(fields["data"].encode())
    return {
        "trigger": trigger.id,
        "from": trigger.schedule or trigger.origin.value,
        "pipeline": trigger.pipeline,
        "state": fields["state"],
        "due": trigger.due,
        "attempt": trigger.attempt,
        "max_attempts": trigger.run_retry.max_attempts if trigger.run_retry else 1,
        "run_id": fields.get("run_id"),
        "run_status": fields.get("run_status"),
        "reason": fields.get("reason"),
    }


def _of(attempt: int, most: int) -> str:
    """Tell which run of a fire it is, where there may be several."""
    return f"{attempt} of {most}" if most > 1 else ""


@click.command("show")
@click.argument("identity", metavar="ID")
@output_option
def show_trigger(identity: str, output: str) -> None:
    """Show a trigger: what was asked for, what became of it, and every attempt that the outcomes still tell of.

    `runs` has every run of its fire, where one that failed is started again.
    """
    told = with_engine(partial(_whole, identity))
    fields, history = told.fields, told.history
    plain: dict[str, Any] = orjson.loads(fields.pop("data"))
    plain.setdefault("attempt", 1)
    for name in HIDDEN + (("ended",) if "accepted" in fields else ()):
        fields.pop(name, None)
    times = {name: instant(float(fields.pop(name))) for name in TIMES if name in fields}
    most = (plain.get("run_retry") or {}).get("max_attempts", 1)
    words: Words = {"history": _in_words, "runs": _runs_in_words, "attempt": lambda attempt: _of(attempt, most)}
    more = {"held": told.held or None, "runs": told.runs, "history": history}
    show_one({**plain, **fields, **times, **more}, output, words=words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A trigger with everything that is known of it."""

    fields: dict[str, str]
    runs: list[dict[str, Any]]
    held: str
    history: list[dict[str, str]]


def _runs_in_words(runs: list[dict[str, Any]]) -> str:
    return "\n".join(f"{run['attempt']}  {run['state']}  {run['run_id'] or run['trigger']}" for run in runs)


def _in_words(history: list[dict[str, str]]) -> str:
    lines = [
        f"{entry.get('at', '')}  {entry['status']}  {entry.get('reason') or entry.get('run_id', '')}".strip()
        for entry in history
    ]
    return "\n".join(lines) or "nothing yet"


async def _whole(identity: str, engine: Engine) -> Whole:
    fields = await read_trigger(engine, identity)
    trigger = decode_trigger(fields["data"].encode())
    outcomes = [outcome for outcome in await engine.outcomes.newest(HISTORY) if outcome.get("trigger") == identity]
    told = ("at", "status", "code", "reason", "next_try", "run_id", "url")
    chain = await read_chain(engine.triggers, attempt_id(trigger, 1)) if trigger.run_retry else []
    runs = [
        {"attempt": each.attempt, "trigger": each.id, "state": row["state"], "run_id": row.get("run_id")}
        for each, row in chain
    ]
    return Whole(
        fields=fields,
        runs=runs if len(runs) > 1 else [],
        held=await read_held(engine, trigger, fields),
        history=[{key: entry[key] for key in told if key in entry} for entry in reversed(outcomes)],
    )


@click.command("cancel")
@click.argument("identity", metavar="ID")
def cancel_trigger(identity: str) -> None:
    """Withdraw a trigger that was not sent yet. One that a worker holds may be sent already: it goes on."""
    state = with_engine(partial(_cancel, identity))
    if state in WITHDRAWN:
        say(f"Cancelled {identity}.")
        return
    say(f"Not cancelled: the trigger is {state}.")
    raise SystemExit(1)


async def _cancel(identity: str, engine: Engine) -> TriggerState | None:
    state = await withdraw(engine, identity, TriggerState.CANCELLED, Status.CANCELLED)
    if state in WITHDRAWN:
        await tell(engine, "trigger.cancel", identity)
    return state
