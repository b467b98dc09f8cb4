"""From a receiver's name to its addresses, and from each address to what can send there."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from worker.domain.alert import Alert
from worker.domain.errors import NotDelivered
from worker.domain.receivers import Receivers, is_webhook
from worker.notify.apprise import Apprise
from worker.notify.webhook import Webhooks


class Notifier:
    """Delivers alerts. It tries once: when to try again is for whoever keeps the alerts to decide."""

    def __init__(self, receivers: Receivers, now: Callable[[], datetime]) -> None:
        self._receivers = receivers
        self._now = now
        self._webhooks: Webhooks | None = None  # not before the first: it reads the certificate authorities
        self._apprise = Apprise()

    async def send(self, receiver: str, alerts: Sequence[Alert]) -> None:
        """Send alerts, as one message, to each address of a receiver: a name, a part of one (`ops#2`), or an address.

        Raises NotDelivered if one of the addresses did not take it; others may have. It is `gone` if all of the
        addresses that did not take it are.
        """
        if not alerts:
            return
        urls = self._receivers.find(receiver)
        results = await asyncio.gather(*(self._send(url, alerts) for url in urls), return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        for failure in failures:
            if not isinstance(failure, NotDelivered):
                raise failure
        if failures:
            reason = "; ".join(str(failure) for failure in failures)
            raise NotDelivered(reason, gone=all(getattr(failure, "gone", False) for failure in failures))

    async def aclose(self) -> None:
        """Close all connections."""
        if self._webhooks is not None:
            await self._webhooks.aclose()

    async def _send(self, url: str, alerts: Sequence[Alert]) -> None:
        if not is_webhook(url):
            await self._apprise.send(url, alerts)
            return
        if self._webhooks is None:
            self._webhooks = Webhooks(self._receivers.secrets, self._now)
        await self._webhooks.send(url, alerts)
