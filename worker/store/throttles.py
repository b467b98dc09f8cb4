"""How often somebody calls, and who guesses: counted in Redis, for all API processes together, by its clock."""

from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from redis.asyncio import Redis

from worker.domain.addresses import neighbourhood
from worker.store import scripts
from worker.store.codec import duration_ms, instant
from worker.store.connection import of_time, text, translated
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOut:
    """When an address is locked out: after `most` wrong keys `within` a time, for `first`, doubled up to `longest`.

    The doubling is forgotten an hour after the last wrong key.
    """

    most: int = 10
    within: timedelta = timedelta(minutes=5)
    first: timedelta = timedelta(minutes=1)
    longest: timedelta = timedelta(minutes=15)
    forgotten: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Whether a call may go on. `wait` is when the next one may, `remaining` how many may at once."""

    allowed: bool
    wait: timedelta
    remaining: int


class ThrottleStore:
    """Rates and lock-outs."""

    def __init__(self, redis: Redis, keys: Keys, lock_out: LockOut | None = None) -> None:
        self.redis = redis
        self.keys = keys
        self.lock_out = lock_out or LockOut()
        self._scripts = scripts.load(redis)

    async def take(self, bucket: str, per_minute: int) -> Taken:
        """Count a call. After a quiet minute, as many may come at once as a minute has; then evenly."""
        async with translated():
            allowed, wait, remaining = await self._scripts["throttle"](
                keys=[self.keys.throttle(bucket)], args=[per_minute]
            )
        return Taken(allowed=bool(allowed), wait=timedelta(milliseconds=wait), remaining=remaining)

    async def first(self, bucket: str, within: timedelta) -> bool:
        """Tell whether this is the first time within a time: what repeats itself is told once."""
        key, mine = self.keys.throttle(bucket), token_hex(8)
        async with translated(), self.redis.pipeline(transaction=True) as pipe:
            pipe.set(key, mine, nx=True, px=max(1, duration_ms(within)))
            pipe.get(key)
            _, held = await pipe.execute()
        return held is not None and text(held) == mine

    async def guessed(self, address: str) -> timedelta:
        """Count a wrong key or signature; gives how long its address is locked out now, zero if it is not."""
        rule = self.lock_out
        spans = (rule.within, rule.first, rule.longest, rule.forgotten)
        async with translated():
            left = await self._scripts["guessed"](
                keys=[self.keys.guesses(neighbourhood(address))], args=[rule.most, *map(duration_ms, spans)]
            )
        return timedelta(milliseconds=left)

    async def locked(self, address: str) -> timedelta:
        """Tell how long an address is still locked out; zero if it is not."""
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            pipe.hget(self.keys.guesses(neighbourhood(address)), "until")
            pipe.time()
            until, time = await pipe.execute()
        return max(timedelta(), instant(int(until)) - of_time(time)) if until else timedelta()
