"""Triggers in Redis: record, dispatch, claim, settle, and what people do to them.

Each verb is one script (lua/), which says what it keeps true. Fields of a trigger's hash:

data        the trigger as JSON, never changed            state     see `TriggerState`
digest      of what the caller asked for                  rank      place among the ready ones
recorded    epoch ms                                      sweep     id of its sweep
attempts    tries that count against the limit            tries     all tries, for the backoff
sent        epoch ms of the last POST             schedule    its schedule, and
fire        epoch ms of its ledger entry, if it has one
unclear     1: a POST may have started the run            token     of the claim
generation  of the idempotency key                        losses    workers that died holding it
expires     epoch ms after which it is not sent           throttled epoch ms since when a limit by tag holds it back
unheard     times that nobody came when it was rung
dispatched  epoch ms when its id was published last  claimed   epoch ms when a worker took it last
replayed    epoch ms when a person let it wait again last
probe       1: sent to see whether the server is well     probed    how often it was such a probe
budgeted    the day (UTC) whose budget it counts against
overlap     the policy of its schedule, while it is held
attempt     which run of its fire it is for, from the second on
run_id run_status run_project url reason code left_out ended   what became of it
accepted    epoch ms since when it has a run          run_ended   epoch ms when that ended
run_pipeline run_pipeline_id                          the run's pipeline, as ZenML calls it
verified    epoch ms of the last look at the run itself, not only at what changed
changed     epoch ms by ZenML's clock of its last change before it was known as ours, until the first look
stopping    why its run is to be stopped              stop_asked  epoch ms since when ZenML knows
by_force    it is not to wait until its step has finished
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.domain.errors import LeadLost
from worker.domain.retry import LONGEST_RETRY_AFTER
from worker.domain.schedule import MOST_BUFFERED
from worker.domain.trigger import TriggerState
from worker.store import scripts
from worker.store.attempts import Claimed, Settlement, plain_settlement, read_claimed
from worker.store.codec import duration_ms, instant, milliseconds
from worker.store.connection import text, translated
from worker.store.items import Item, flat, form
from worker.store.keys import Keys
from worker.store.limits import Limits

TRIMMED_AT_ONCE = 1_000

MOST_LOSSES = 5
"""Workers that may die holding a trigger before it is a dead letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of an item: `written`, or else its cursor had been moved by somebody else.

    `triggers`, one for each: 1 recorded, 0 known already, -1 known with another content.
    """

    written: bool
    triggers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What became of the triggers that were held for their overlap policy."""

    count: int
    """How many may go on."""
    skipped: tuple[str, ...]
    """The schedule of each that was skipped: its cursor says that it took one fire less."""
    later: datetime | None
    """When the next one comes due."""


class TriggerStore:
    """The triggers of one ZenML server."""

    def __init__(self, redis: Redis, keys: Keys, limits: Limits) -> None:
        self.redis = redis
        self.keys = keys
        self.limits = limits
        self._scripts = scripts.load(redis)

    async def _run(self, script: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        async with translated():
            return await self._scripts[script](keys=keys, args=args)

    async def record(self, items: Sequence[Item], fence: str = "") -> list[Recorded]:
        """Write triggers, ledger entries and cursors; `fence` is the leader's `epoch:id`, "" for everybody else.

        Raises LeadLost when the fence is another one's by now.
        """
        keys = self.keys
        answers = await self._run(
            "record",
            [
                keys.leader,
                keys.cursors,
                keys.ready,
                keys.delayed,
                keys.triggers,
                keys.outcomes,
                keys.spans,
                keys.held,
                keys.going,
                keys.dead,
            ],
            [
                fence,
                keys.trigger_prefix,
                keys.ledger_prefix,
                keys.sweep_prefix,
                self.limits.ledger_max,
                self.limits.outcomes_max,
                orjson.dumps([form(item) for item in items]),
            ],
        )
        if any(int(answer[0]) < 0 for answer in answers):
            raise LeadLost("another beat leads")
        return [Recorded(written=int(answer[0]) == 1, triggers=tuple(map(int, answer[1:]))) for answer in answers]

    async def admit(self) -> Admitted:
        """Let the triggers that are held go on, wait or be skipped, as their overlap policies say."""
        keys, limits = self.keys, self.limits
        later, count, *skipped = await self._run(
            "admit",
            [
                keys.held,
                keys.going,
                keys.ready,
                keys.delayed,
                keys.inflight,
                keys.following,
                keys.paused,
                keys.dead,
                keys.outcomes,
                keys.events,
                keys.cursors,
            ],
            [keys.trigger_prefix, keys.ledger_prefix, duration_ms(limits.keep), limits.outcomes_max, MOST_BUFFERED],
        )
        return Admitted(
            count=int(count),
            skipped=tuple(map(text, skipped)),
            later=instant(int(later)) if int(later) >= 0 else None,
        )

    async def held(self) -> dict[str, list[str]]:
        """Give the triggers of each schedule that are held for its overlap policy."""
        async with translated():
            ids = [text(identity) for identity in await self.redis.zrange(self.keys.held, 0, -1)]
            async with self.redis.pipeline(transaction=False) as pipe:
                for identity in ids:
                    pipe.hget(self.keys.trigger(identity), "schedule")
                schedules = await pipe.execute()
        found: dict[str, list[str]] = {}
        for identity, schedule in zip(ids, schedules, strict=True):
            if schedule:
                found.setdefault(text(schedule), []).append(identity)
        return found

    async def reclaim(self, *, jumped: bool = False) -> tuple[int, int]:
        """Return to waiting what was dispatched or claimed and whose lease ran out: (returned, given up).

        `jumped`: the clock may have gone back, so that leases and waits are not longer than they can be.
        """
        keys, limits = self.keys, self.limits
        answer = await self._run(
            "reclaim",
            [keys.ready, keys.inflight, keys.dead, keys.outcomes, keys.delayed, keys.limit, keys.rate, keys.events],
            [
                keys.trigger_prefix,
                keys.ledger_prefix,
                keys.sweep_prefix,
                MOST_LOSSES,
                limits.outcomes_max,
                duration_ms(max(limits.lease, limits.ring_again)) if jumped else "",
                duration_ms(LONGEST_RETRY_AFTER),
            ],
        )
        return int(answer[0]), int(answer[1])

    async def claim(self, ids: Sequence[str], token: str) -> list[Claimed]:
        """Take triggers for the length of a lease; those that somebody else has are left out."""
        keys = self.keys
        answer = await self._run(
            "claim", [keys.ready, keys.inflight], [keys.trigger_prefix, token, duration_ms(self.limits.lease), *ids]
        )
        return [read_claimed(row, token) for row in answer]

    async def renew(self, ids: Sequence[str], token: str) -> int:
        """Keep claims for another lease; gives how many are still ours."""
        args = [self.keys.trigger_prefix, token, duration_ms(self.limits.lease), *ids]
        return int(await self._run("renew", [self.keys.inflight], args))

    async def sending(self, ids: Sequence[str], token: str) -> list[bool]:
        """Say that we are about to POST. False where the claim is gone: then do not."""
        answer = await self._run("sending", [], [self.keys.trigger_prefix, token, *ids])
        return [bool(ours) for ours in answer]

    async def settle(self, results: Sequence[Settlement], token: str, quick: int) -> list[bool]:
        """Write what became of attempts. `quick` counts the answers that show that the server could take more."""
        keys, limits = self.keys, self.limits
        answer = await self._run(
            "settle",
            [
                keys.ready,
                keys.delayed,
                keys.inflight,
                keys.dead,
                keys.outcomes,
                keys.limit,
                keys.holding,
                keys.events,
                keys.following,
                keys.runs,
                keys.feed,
                keys.going,
            ],
            [
                keys.trigger_prefix,
                keys.ledger_prefix,
                keys.sweep_prefix,
                token,
                duration_ms(limits.keep),
                limits.outcomes_max,
                limits.ceiling,
                limits.first,
                quick,
                orjson.dumps([plain_settlement(result) for result in results]),
            ],
        )
        return [bool(written) for written in answer]

    async def withdraw(self, identity: str, to: TriggerState, outcome: Mapping[str, Any]) -> TriggerState | None:
        """Cancel a waiting trigger, or discard a dead letter. Gives the state it was in; None if unknown."""
        keys = self.keys
        answer = await self._run(
            "withdraw",
            [keys.ready, keys.delayed, keys.inflight, keys.dead, keys.held, keys.outcomes, keys.events],
            [
                keys.trigger_prefix,
                keys.ledger_prefix,
                keys.sweep_prefix,
                identity,
                to.value,
                duration_ms(self.limits.keep),
                self.limits.outcomes_max,
                str(outcome.get("reason") or f"{to} by a person"),
                *flat(outcome),
            ],
        )
        return TriggerState(answer.decode()) if answer else None

    async def replay(self, identity: str) -> TriggerState | None:
        """Let a dead letter wait again. Gives the state it was in; None if unknown."""
        keys = self.keys
        prefixes = [keys.trigger_prefix, keys.ledger_prefix, keys.sweep_prefix]
        answer = await self._run("replay", [keys.ready, keys.dead, keys.going], [*prefixes, identity])
        return TriggerState(answer.decode()) if answer else None

    async def get(self, ids: Iterable[str]) -> list[dict[str, str]]:
        """Read triggers as they are, each with its hash's fields as text; an unknown one is an empty dict."""
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            for identity in ids:
                pipe.hgetall(self.keys.trigger(identity))
            rows = await pipe.execute()
        return [{key.decode(): value.decode() for key, value in row.items()} for row in rows]

    async def newest(self, count: int) -> list[str]:
        """Give the ids of the triggers recorded last, newest first."""
        async with translated():
            return [text(identity) for identity in await self.redis.zrevrange(self.keys.triggers, 0, count - 1)]

    async def dead(self, count: int) -> list[str]:
        """Give the ids of the dead letters, newest first."""
        async with translated():
            return [text(identity) for identity in await self.redis.zrevrange(self.keys.dead, 0, count - 1)]

    async def counts(self) -> dict[str, int]:
        """Count the triggers that have not ended, and dead letters: `ready`, `delayed`, `inflight`, `dead`."""
        keys = {name: getattr(self.keys, name) for name in ("ready", "delayed", "inflight", "dead")}
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            for key in keys.values():
                pipe.zcard(key)
            return dict(zip(keys, map(int, await pipe.execute()), strict=True))

    async def ready(self, count: int) -> list[str]:
        """Give the ids of those that go next, in their order."""
        async with translated():
            return [text(identity) for identity in await self.redis.zrange(self.keys.ready, 0, count - 1)]

    async def inflight(self, count: int) -> list[str]:
        """Give the ids of those that are with the workers."""
        async with translated():
            return [text(identity) for identity in await self.redis.zrange(self.keys.inflight, 0, count - 1)]

    async def waiting(self) -> int:
        """Count what is waiting, ready or not."""
        counts = await self.counts()
        return counts["ready"] + counts["delayed"]

    async def unsent(self, sweep: str) -> list[str]:
        """Give the triggers of a sweep that wait, or are with the workers."""
        keys = self.keys
        async with translated():
            async with self.redis.pipeline(transaction=False) as pipe:
                for key in (keys.sweep_parked(sweep), keys.ready, keys.delayed, keys.inflight):
                    pipe.zrange(key, 0, -1)
                ids = [text(identity) for row in await pipe.execute() for identity in row]
            async with self.redis.pipeline(transaction=False) as pipe:
                for identity in ids:
                    pipe.hget(keys.trigger(identity), "sweep")
                sweeps = await pipe.execute()
        return [identity for identity, of in zip(ids, sweeps, strict=True) if of and text(of) == sweep]

    async def trim(self, now: datetime) -> None:
        """Forget outcomes, ended triggers and dead letters past their time."""
        oldest = milliseconds(now - self.limits.keep)
        async with translated():
            dead = await self.redis.zrangebyscore(self.keys.dead, "-inf", oldest, start=0, num=TRIMMED_AT_ONCE)
            async with self.redis.pipeline(transaction=True) as pipe:
                pipe.xtrim(self.keys.outcomes, minid=str(oldest), approximate=True)
                pipe.zremrangebyscore(self.keys.triggers, "-inf", oldest)
                for identity in map(text, dead):
                    pipe.zrem(self.keys.dead, identity)
                    pipe.unlink(self.keys.trigger(identity))
                await pipe.execute()
