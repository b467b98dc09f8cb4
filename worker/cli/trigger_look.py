"""`zenbeat trigger list|show|cancel`."""

from functools import partial
from typing import Any

import click
import orjson

from worker.cli.doors import with_engine
from worker.cli.output import output_option, say, short_time, show, show_one
from worker.domain.errors import InvalidInput
from worker.domain.outcome import Status
from worker.domain.trigger import Trigger, TriggerState
from worker.engine.recorder import origin_fields
from worker.engine.runtime import Engine, clock
from worker.store.codec import decode_trigger, instant

SEEN = 1_000
"""Triggers that are looked through for those in a certain state."""

HISTORY = 20_000
"""Outcomes that are looked through for those of one trigger."""

TIMES = ("recorded", "sent", "ended")


@click.command("list")
@click.option("--state", type=click.Choice([state.value for state in TriggerState]), help="Only those in this state.")
@click.option("-n", "--limit", default=20, show_default=True, help="The most to list.")
@output_option
def list_triggers(state: str | None, limit: int, output: str) -> None:
    """List the triggers recorded last, newest first."""
    rows = with_engine(partial(_newest, limit, state))
    show(rows, ["trigger", "from", "state", "due"], output, words={"due": short_time}, empty="no triggers")


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
        "run_id": fields.get("run_id"),
        "reason": fields.get("reason"),
    }


@click.command("show")
@click.argument("identity", metavar="ID")
@output_option
def show_trigger(identity: str, output: str) -> None:
    """Show a trigger: what was asked for, what became of it, and every attempt that the outcomes still tell of."""
    fields, history = with_engine(partial(_with_history, identity))
    plain: dict[str, Any] = orjson.loads(fields.pop("data"))
    for name in ("token", "digest", "rank"):
        fields.pop(name, None)
    times = {name: instant(float(fields.pop(name))) for name in TIMES if name in fields}
    show_one({**plain, **fields, **times, "history": history}, output, words={"history": _in_words})


def _in_words(history: list[dict[str, str]]) -> str:
    lines = [
        f"{entry.get('at', '')}  {entry['status']}  {entry.get('reason') or entry.get('run_id', '')}".strip()
        for entry in history
    ]
    return "\n".join(lines) or "nothing yet"


async def _with_history(identity: str, engine: Engine) -> tuple[dict[str, str], list[dict[str, str]]]:
    fields = await _get(identity, engine)
    outcomes = [outcome for outcome in await engine.outcomes.newest(HISTORY) if outcome.get("trigger") == identity]
    told = ("at", "status", "code", "reason", "next_try", "run_id", "url")
    return fields, [{key: entry[key] for key in told if key in entry} for entry in reversed(outcomes)]


async def _get(identity: str, engine: Engine) -> dict[str, str]:
    (fields,) = await engine.triggers.get([identity])
    if not fields:
        raise InvalidInput(f"there is no trigger {identity}; `zenbeat trigger list` shows the newest")
    return fields


@click.command("cancel")
@click.argument("identity", metavar="ID")
def cancel_trigger(identity: str) -> None:
    """Withdraw a trigger that was not sent yet. One that a worker holds may be sent already: it goes on."""
    state = with_engine(partial(withdraw, identity, TriggerState.CANCELLED, Status.CANCELLED))
    if state in (TriggerState.WAITING, TriggerState.DISPATCHED):
        say(f"Cancelled {identity}.")
        return
    say(f"Not cancelled: the trigger is {state}.")
    raise SystemExit(1)


async def withdraw(identity: str, to: TriggerState, status: Status, engine: Engine) -> TriggerState | None:
    """End a trigger by a person's will; gives the state it was in."""
    trigger: Trigger = decode_trigger((await _get(identity, engine))["data"].encode())
    outcome = {"status": status.value, **origin_fields(trigger), "at": clock(), "reason": "by hand"}
    return await engine.triggers.withdraw(identity, to, outcome)
