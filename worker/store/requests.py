"""Triggers that people and programs ask for: recorded together or not at all, and only while there is room."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import orjson
from redis.asyncio import Redis

from worker.domain.trigger import Trigger
from worker.store import scripts
from worker.store.codec import decode_trigger, duration_ms, encode_trigger, milliseconds
from worker.store.connection import text, translated
from worker.store.items import Command, digest, waiting
from worker.store.keys import Keys
from worker.store.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A trigger that was asked for, and by whom."""

    trigger: Trigger
    not_before: datetime | None = None
    asked_by: str = ""
    """The name of an API key or hook; "" where nobody has to say."""
    asked_from: str = ""
    """The caller's address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many triggers may wait: in all, of one caller, and of one pipeline. 0 is no limit."""

    most: int = 0
    per_caller: int = 0
    per_pipeline: int = 0


UNLIMITED = Room()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """All are on record: of each, whether it is new, and as it was recorded the first time."""

    triggers: Sequence[tuple[Trigger, bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Nothing was recorded: this one's id stands for another request. `known` is None for one of the same batch."""

    number: int
    """Counts from 0."""
    known: Trigger | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """Nothing was recorded: as many wait as may."""

    whose: str
    """`this server`, `key ci`, `pipeline training`."""
    waiting: int
    most: int


class RequestStore:
    """The door to the triggers of one ZenML server."""

    def __init__(self, redis: Redis, keys: Keys, limits: Limits) -> None:
        self.redis = redis
        self.keys = keys
        self._limits = limits
        self._scripts = scripts.load(redis)

    async def accept(
        self, asked: Sequence[Asked], room: Room = UNLIMITED, more: Sequence[Command] = ()
    ) -> Taken | Clash | Full:
        """Record all of them, or none. What is on record already, with the same content, is no news and no fault.

        `more` are plain writes that go with what is new.
        """
        keys = self.keys
        queues = _Queues(keys, room)
        triggers = [{**_form(each), "queues": queues.of(each)} for each in asked]
        request = orjson.dumps({"triggers": triggers, "queues": queues.listed, "commands": more})
        async with translated():
            word, *rest = await self._scripts["accept"](
                keys=[keys.ready, keys.delayed, keys.inflight, keys.triggers, keys.held],
                args=[keys.trigger_prefix, room.most, duration_ms(self._limits.keep), request],
            )
        if text(word) == "known":
            return Clash(number=int(rest[0]) - 1, known=decode_trigger(rest[1]) if rest[1] else None)
        if text(word) == "full":
            whose, most = queues.named[int(rest[0])]
            return Full(whose=whose, waiting=int(rest[1]), most=most)
        answers = zip(asked, rest, strict=True)
        return Taken(
            triggers=[
                (each.trigger, True) if isinstance(got, int) else (decode_trigger(got), False) for each, got in answers
            ]
        )


class _Queues:
    """The queues that a request goes into, each named once."""

    def __init__(self, keys: Keys, room: Room) -> None:
        self._keys = keys
        self._room = room
        self._numbers: dict[str, int] = {}
        self.listed: list[dict[str, str | int]] = []
        self.named = [("this server", room.most)]
        """What each number stands for, and how many may wait there; 0 is the server."""

    def of(self, asked: Asked) -> list[int]:
        """Give the numbers of those that one trigger goes into."""
        wanted = [
            ("key", asked.asked_by, self._room.per_caller),
            ("pipeline", asked.trigger.pipeline, self._room.per_pipeline),
        ]
        return [self._number(kind, name, most) for kind, name, most in wanted if name and most]

    def _number(self, kind: str, name: str, most: int) -> int:
        key = self._keys.queued(kind, name)
        if key not in self._numbers:
            self.listed.append({"key": key, "most": most})
            self.named.append((f"{kind} {name}", most))
            self._numbers[key] = len(self.listed)
        return self._numbers[key]


def _taken(asked: Asked, answer: int | bytes) -> tuple[Trigger, bool]:
    return (asked.trigger, True) if isinstance(answer, int) else (decode_trigger(answer), False)


def _form(asked: Asked) -> dict[str, object]:
    fields = {
        "data": encode_trigger(asked.trigger).decode(),
        "asked_by": asked.asked_by or None,
        "asked_from": asked.asked_from or None,
    }
    return waiting(asked.trigger, asked.not_before, _told_apart(asked), fields)


def _told_apart(asked: Asked) -> str:
    """Tell requests of one id apart: also by when and how urgently they are wanted, if that was said."""
    same = digest(asked.trigger)
    if not asked.trigger.priority and asked.not_before is None:
        return same
    when = milliseconds(asked.not_before) if asked.not_before else None
    return sha256(orjson.dumps([same, asked.trigger.priority, when])).hexdigest()[:32]
