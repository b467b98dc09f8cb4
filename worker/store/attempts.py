"""What a worker holds of a trigger while it tries to start its run, and what became of the attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from worker.domain.outcome import Decision, Status
from worker.domain.trigger import Trigger
from worker.store.codec import decode_trigger, duration_ms, instant, milliseconds
from worker.store.items import flat


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A trigger that this worker holds, and what is known of earlier attempts."""

    trigger: Trigger
    token: str
    attempts: int
    tries: int
    unclear: bool
    """An earlier attempt may have started the run."""
    sent: datetime | None = None
    """When an earlier attempt was sent last."""
    reason: str = ""
    """Why the last attempt failed."""
    generation: int
    probe: bool = False
    """It goes alone, to see whether the server is well again."""
    dispatched: datetime | None = None
    """When its id was published last."""
    claimed: datetime | None = None
    """When this worker took it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of one attempt."""

    id: str
    status: Status
    """STARTED, RETRYING or DEAD."""
    outcome: Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)
    wait: timedelta | None = None
    """How long until it may be tried again, by Redis' clock; for RETRYING."""
    capacity: bool = False
    """The server was full: it is trusted with fewer launches at once."""
    trouble: str | None = None
    """`down` or `denied`: the server, not this trigger, is the reason."""
    decision: Decision | None = None
    """What the ledger shall say; for DEAD."""
    changed: datetime | None = None
    """When the run changed last, by ZenML's clock; for STARTED."""


def plain_settlement(result: Settlement) -> dict[str, Any]:
    """Give it as the script reads it."""
    plain: dict[str, Any] = {
        "id": result.id,
        "status": result.status.value,
        "fields": flat(result.fields),
        "outcome": flat({"status": result.status.value, **result.outcome}),
    }
    if result.wait is not None:
        plain["wait"] = duration_ms(result.wait)
    told = {
        "capacity": result.capacity or None,
        "trouble": result.trouble,
        "decision": result.decision,
        "why": result.outcome.get("reason"),
        "adopted": bool(result.outcome.get("adopted")) or None,
        "run": result.fields.get("run_id"),
        "project": result.fields.get("run_project"),
        "changed": str(milliseconds(result.changed)) if result.changed else None,
    }
    return {**plain, **{key: value for key, value in told.items() if value is not None}}


def read_claimed(row: Sequence[bytes], token: str) -> Claimed:
    """Read what the script gives of a claimed trigger: its id, then fields and values."""
    fields = dict(zip(row[1::2], row[2::2], strict=True))
    return Claimed(
        trigger=decode_trigger(fields[b"data"]),
        token=token,
        attempts=int(fields.get(b"attempts", 0)),
        tries=int(fields.get(b"tries", 0)),
        unclear=fields.get(b"unclear") == b"1",
        sent=_moment(fields, b"sent"),
        dispatched=_moment(fields, b"dispatched"),
        claimed=_moment(fields, b"claimed"),
        reason=fields.get(b"reason", b"").decode(),
        generation=int(fields.get(b"generation", 0)),
        probe=b"probe" in fields,
    )


def _moment(fields: Mapping[bytes, bytes], name: bytes) -> datetime | None:
    return instant(int(fields[name])) if name in fields else None
