"""Alerts to people: Slack, mail, Telegram and whatever else the package `apprise` has an address for."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from worker.domain.alert import Alert, AlertKind, digest, gravest, text_of
from worker.domain.errors import NotDelivered
from worker.domain.receivers import blotted, scheme, shown

TOTAL_SECONDS = 30.0
"""For one message in all. Some services want several calls, each of which has its own, shorter limits."""

LONGEST_REASON = 300

TELLING_ADDRESSES = ("apprise", "urllib3", "requests_oauthlib", "oauthlib")
"""Loggers that write whole addresses, at least at DEBUG. What apprise says of a failure is in its result."""

_SEVERITY = {
    AlertKind.FAILURE: "failure",
    AlertKind.MISSED: "warning",
    AlertKind.LATE: "warning",
    AlertKind.RECOVERED: "success",
    AlertKind.PAUSED: "warning",
    AlertKind.SUCCESS: "success",
}


class Apprise:
    """Sends alerts to addresses such as `slack://…`. Apprise is imported with the first of them."""

    def __init__(self, *, total_seconds: float = TOTAL_SECONDS) -> None:
        self._total_seconds = total_seconds

    async def send(self, url: str, alerts: Sequence[Alert]) -> None:
        """Send alerts as one message. Raises NotDelivered if the service does not take it, or apprise is missing."""
        fault = await self._notify(url, alerts)
        if fault:
            raise NotDelivered(f"{shown(url)} {fault}")

    async def _notify(self, url: str, alerts: Sequence[Alert]) -> str:
        """Give why it was not delivered, or nothing. Not as an error: apprise's own may show the address."""
        title, text = text_of(alerts[0]) if len(alerts) == 1 else digest(alerts)
        try:
            async with asyncio.timeout(self._total_seconds):
                # On a thread: the first import takes a second, and a plugin may do what it likes when it is made.
                service = await asyncio.to_thread(_service, url)
                if isinstance(service, str):
                    return service
                # Apprise sends on threads of its own. One that outlives our patience ends by its sockets' limits.
                result = await service.async_notify(
                    body=text, title=title, notify_type=_SEVERITY[gravest(alerts)], body_format="text"
                )
        except TimeoutError:
            return f"gave no answer within {self._total_seconds:g} s"
        except Exception as error:
            # Of a hundred plugins, one may raise anything: to whoever sends, it is not delivered.
            return f"failed: {_reason([str(error) or type(error).__name__], url)}"
        if result:
            return ""
        return f"did not take it: {_reason((entry.message for entry in result.logs()), url)}"


def fault_of(url: str) -> str:
    """Say why no alert can go to an address, or nothing. Asks nobody: it is whether apprise can read it."""
    service = _service(url)
    return f"{shown(url)} {service}" if isinstance(service, str) else ""


def _service(url: str) -> Any:
    """Make what sends to an address, or say why there is none."""
    module = _module()
    if module is None:
        return 'needs apprise: pip install "zenbeat[notify]"'
    # A redirected POST may end as a GET that is answered with 200: nothing was told then. And braces are braces.
    asset = module.AppriseAsset(app_id="zenbeat", app_desc="zenbeat", allow_templates=False, storage_mode="memory")
    asset.http_redirects = False
    plugin = module.Apprise.instantiate(url, asset=asset)
    if plugin is None:
        known = scheme(url) in module.NotificationManager()
        return "is no address that apprise can use here" if known else "is for a service that apprise does not know"
    service = module.Apprise(asset=asset)
    service.add(plugin)
    return service


def _module() -> ModuleType | None:
    for name in TELLING_ADDRESSES:
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    try:
        return import_module("apprise")
    except ImportError:
        return None


def _reason(said: Iterable[str], url: str) -> str:
    line = "; ".join(" ".join(text.split()).rstrip(".") for text in said) or "no reason given"
    return blotted(line, url)[:LONGEST_REASON]
