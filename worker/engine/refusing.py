"""Calls that are refused: guesses and rates are counted, and the audit log learns of refusals, but of no flood."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from worker.domain.addresses import neighbourhood
from worker.domain.errors import CallRefused
from worker.engine.runtime import Engine
from worker.store.audit import Audited, Result

logger = logging.getLogger("zenbeat.access")

Kind = Literal["unknown", "denied", "throttled", "locked"]

ONCE = timedelta(minutes=1)
"""What may come in floods is told once in this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Where a call comes from, and what it asks for: `what` is its method and path, never with the query.

    `who` and `key_id` are known once its key is.
    """

    address: str
    what: str = ""
    request_id: str = ""
    who: str = ""
    key_id: str = ""


class Refusing:
    """Says no to calls. Every method that finds a reason raises, or gives, a CallRefused that is told already."""

    def __init__(self, engine: Engine) -> None:
        self._throttles = engine.throttles
        self._audit = engine.audit
        self._clock = engine.clock

    async def check_address(self, call: Call) -> None:
        """See that the address of a call is not locked out. Raises CallRefused (`locked`), told once a lock-out."""
        await self.check_lock(await self._throttles.locked(call.address), call)

    async def check_lock(self, left: timedelta, call: Call) -> None:
        """Do the same, where it is known how long the address is locked out."""
        if left:
            told = await self._throttles.first(f"locked:{neighbourhood(call.address)}", left)
            reason = "too many wrong keys or signatures came from this address; it is locked out for a while"
            raise await self._refused("locked", call, reason, left, told=told)

    async def check_rate(self, bucket: str, per_minute: int, call: Call) -> None:
        """Count a call, and see that it does not come too soon. 0 per minute is no limit.

        Raises CallRefused (`throttled`), told once a minute.
        """
        if not per_minute:
            return
        taken = await self._throttles.take(bucket, per_minute)
        if not taken.allowed:
            told = await self._throttles.first(f"throttled:{bucket}", ONCE)
            raise await self._refused(
                "throttled", call, f"more than {per_minute} calls a minute", taken.wait, told=told
            )

    async def wrong(self, call: Call, told: str, inside: str = "") -> CallRefused:
        """Count a wrong key or signature. `told` is for the caller, `inside` what only the audit log learns."""
        left = await self._throttles.guessed(call.address)
        refused = await self._refused("unknown", call, told, inside=inside)
        if left:
            logger.warning("locked out", extra={"address": call.address, "seconds": left.total_seconds()})
        return refused

    async def without(self, call: Call, told: str) -> CallRefused:
        """Refuse a call that brought no key at all: that is no guess. Told once a minute for each address."""
        first = await self._throttles.first(f"without:{neighbourhood(call.address)}", ONCE)
        return await self._refused("unknown", call, told, told=first, inside="no key")

    async def stale(self, call: Call, told: str, inside: str) -> CallRefused:
        """Refuse a call with a key that was good once: that is no guess. Told once a minute for each key."""
        first = await self._throttles.first(f"stale:{call.key_id}", ONCE)
        return await self._refused("unknown", call, told, told=first, inside=inside)

    async def denied(self, call: Call, reason: str) -> CallRefused:
        """Refuse a call whose key does not open what it asks for."""
        return await self._refused("denied", call, reason)

    async def _refused(
        self,
        kind: Kind,
        call: Call,
        reason: str,
        wait: timedelta = timedelta(),
        *,
        told: bool = True,
        inside: str = "",
    ) -> CallRefused:
        if told:
            await self._tell(kind, call, inside or reason)
        return CallRefused(kind, reason, wait.total_seconds())

    async def _tell(self, kind: Kind, call: Call, reason: str) -> None:
        entry = Audited(
            at=self._clock(),
            action=f"call.{kind}",
            what=call.what,
            who=call.who,
            key_id=call.key_id,
            address=call.address,
            result=Result.REFUSED,
            reason=reason,
            request_id=call.request_id,
        )
        told = {"kind": kind, "what": call.what, "who": call.who, "address": call.address, "reason": reason}
        logger.warning("refused", extra=told)
        await self._audit.tell(entry)
