"""The runs of one fire: one that failed may have been started again, as a trigger of its own."""

from worker.domain.trigger import Trigger, attempt_id
from worker.store.codec import decode_trigger
from worker.store.triggers import TriggerStore


async def read_chain(triggers: TriggerStore, identity: str) -> list[tuple[Trigger, dict[str, str]]]:
    """Read a trigger, and those that started its run again, each with its hash's fields; empty if it is unknown."""
    found = []
    wanted: str | None = identity
    while wanted is not None:
        (fields,) = await triggers.get([wanted])
        if "data" not in fields:
            break
        trigger = decode_trigger(fields["data"].encode())
        found.append((trigger, fields))
        last = trigger.run_retry is None or trigger.attempt >= trigger.run_retry.max_attempts
        wanted = None if last else attempt_id(trigger, trigger.attempt + 1)
    return found
