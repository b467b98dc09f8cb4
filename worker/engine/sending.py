"""The outbox: sends the letters, and keeps trying. A receiver that fails holds up nobody else."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from worker.domain.errors import NotDelivered, StoreUnavailable
from worker.domain.receivers import is_url, shown
from worker.engine.halting import Point, reached
from worker.engine.trouble import Trouble
from worker.notify import Notifier
from worker.store.alerts import AlertStore, Letter

logger = logging.getLogger("zenbeat.alerts")

LOOK_SECONDS = 1.0

MOST = 1_000
"""Letters that are looked at at once."""

DIGEST_FROM = 4
"""So many letters to one receiver are one message."""

LARGEST_DIGEST = 100

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=30)
GIVEN_UP_AFTER = timedelta(hours=24)

REST = timedelta(seconds=10)
"""After a message, a receiver is left alone for so long: what comes meanwhile is told together."""


class Sender:
    """Sends letters, for the beat that leads."""

    def __init__(self, alerts: AlertStore, notifier: Notifier, now: Callable[[], datetime]) -> None:
        self._alerts = alerts
        self._notifier = notifier
        self._now = now
        self._trouble = Trouble(logger)
        self._resting: dict[str, datetime] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}

    async def watch(self, leading: Callable[[], object]) -> None:
        """Send what is due as long as the process lives, whenever it leads."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if leading():
                await self._trouble.during(self.round(), "alerts cannot be sent")

    async def round(self) -> list["asyncio.Task[None]"]:
        """Begin to send what is due; gives what is being sent. Raises StoreUnavailable."""
        now = self._now()
        self._resting = {receiver: until for receiver, until in self._resting.items() if until > now}
        self._sending = {receiver: task for receiver, task in self._sending.items() if not task.done()}
        by_receiver: dict[str, list[Letter]] = {}
        for letter in await self._alerts.due(now, MOST):
            if letter.receiver not in self._resting and letter.receiver not in self._sending:
                by_receiver.setdefault(letter.receiver, []).append(letter)
        for receiver, letters in by_receiver.items():
            self._sending[receiver] = asyncio.create_task(self._to(receiver, letters))
        return list(self._sending.values())

    async def _to(self, receiver: str, letters: Sequence[Letter]) -> None:
        self._resting[receiver] = self._now() + REST
        size = LARGEST_DIGEST if len(letters) >= DIGEST_FROM else 1
        left = list(letters)
        try:
            while left:
                reached(Point.BEFORE_LETTER)
                await self._notifier.send(receiver, [letter.alert for letter in left[:size]])
                reached(Point.AFTER_LETTER)
                await self._alerts.remove(left[:size])
                del left[:size]
        except NotDelivered as error:
            # What is behind it would hardly do better.
            await self._not_delivered(receiver, left, error)
        except StoreUnavailable as error:
            self._trouble.met(f"it is not known which alerts were sent: {error}")
        except Exception:
            logger.exception("alerts cannot be sent")

    async def _not_delivered(self, receiver: str, letters: Sequence[Letter], error: NotDelivered) -> None:
        now = self._now()
        name = shown(receiver) if is_url(receiver) else receiver
        old = [letter for letter in letters if error.gone or now - letter.written > GIVEN_UP_AFTER]
        if old:
            logger.error("alerts given up", extra={"receiver": name, "alerts": len(old), "reason": error})
            await self._alerts.remove(old)
        rest = [letter for letter in letters if letter not in old]
        if rest:
            tries = max(letter.tries for letter in rest)
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(tries, 10))
            logger.warning("alert not delivered", extra={"receiver": name, "next_try": now + wait, "reason": error})
            await self._alerts.postpone(rest, now + wait)
