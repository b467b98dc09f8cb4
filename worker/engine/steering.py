"""What people do to single triggers: withdraw one, give a dead letter up, or let it wait again."""

from worker.domain.errors import Unknown
from worker.domain.outcome import Status
from worker.domain.trigger import Trigger, TriggerState
from worker.engine.recorder import origin_fields
from worker.engine.runtime import Engine
from worker.store.codec import decode_trigger


def not_there(identity: str) -> Unknown:
    """Say that there is no such trigger."""
    return Unknown(f"there is no trigger {identity}; `zenbeat trigger list` shows the newest")


async def read_trigger(engine: Engine, identity: str) -> dict[str, str]:
    """Read a trigger's fields. Raises Unknown."""
    (fields,) = await engine.triggers.get([identity])
    if not fields:
        raise not_there(identity)
    return fields


async def withdraw(
    engine: Engine, identity: str, to: TriggerState, status: Status, by: str = ""
) -> TriggerState | None:
    """End a trigger by a person's will; gives the state it was in. Raises Unknown."""
    trigger: Trigger = decode_trigger((await read_trigger(engine, identity))["data"].encode())
    reason = f"by {by}" if by else "by hand"
    outcome = {"status": status.value, **origin_fields(trigger), "at": engine.clock(), "reason": reason}
    return await engine.triggers.withdraw(identity, to, outcome)
