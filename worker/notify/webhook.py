"""Alerts to programs: a signed POST by the Standard Webhooks specification (standardwebhooks.com)."""

import asyncio
import base64
import hashlib
import hmac
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

import aiohttp
import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from worker import __version__
from worker.domain.alert import Alert, as_plain, message_id
from worker.domain.errors import NotDelivered
from worker.domain.receivers import blotted, shown

TOTAL_SECONDS = 10.0
"""For one POST in all: connecting, sending, and the head of the answer."""

READ_AHEAD = 16 * 1024
"""Bytes that aiohttp takes in unasked (it stops at the double): nothing of an answer but its status is looked at."""

MOST_CONNECTIONS = 20

HEADERS = {
    "user-agent": f"zenbeat/{__version__}",
    "content-type": "application/json",
    "accept-encoding": "identity",
}


def payload(alerts: Sequence[Alert]) -> bytes:
    """Make the body: the alert, or a digest of several. It is the same for every attempt."""
    if len(alerts) == 1:
        kind: str = alerts[0].kind
        data: dict[str, Any] = as_plain(alerts[0])
    else:
        kind, data = "digest", {"alerts": [as_plain(alert) for alert in alerts]}
    newest = max(alert.at for alert in alerts)
    return orjson.dumps({"type": f"zenbeat.{kind}", "timestamp": newest.isoformat(), "data": data})


def signature(secrets: Sequence[bytes], identity: str, timestamp: str, body: bytes) -> str:
    """Sign a message with each secret, so that a receiver may know the new one or still the one before."""
    signed = b".".join((identity.encode(), timestamp.encode(), body))
    digests = (hmac.digest(secret, signed, hashlib.sha256) for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


class Webhooks:
    """Sends alerts to web addresses. Without secrets they go unsigned. `now` gives the time of an attempt."""

    def __init__(
        self, secrets: Sequence[bytes], now: Callable[[], datetime], *, total_seconds: float = TOTAL_SECONDS
    ) -> None:
        self._secrets = secrets
        self._now = now
        self._total_seconds = total_seconds
        self._context = _ssl_context()
        # The transport without a client over it, which would write each whole address to the log.
        self._transport = AiohttpTransport(verify=self._context, client=self._session)

    async def send(self, url: str, alerts: Sequence[Alert]) -> None:
        """POST alerts as one message. Raises NotDelivered for all but a 2xx."""
        status = await self._post(url, alerts)
        if isinstance(status, str):
            raise NotDelivered(f"{shown(url)} {status}")
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise NotDelivered(f"{shown(url)} answered {_named(status)}", gone=status == HTTPStatus.GONE)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _post(self, url: str, alerts: Sequence[Alert]) -> int | str:
        """Give the status of the answer, or why there is none.

        Not as an error: those of the libraries know the whole address, and would go along as the new one's context.
        """
        try:
            request = self._request(url, alerts)
            async with asyncio.timeout(self._total_seconds):
                response = await self._transport.handle_async_request(request)
                # Unread: what the receiver has to say beyond its status may be endless.
                await response.aclose()
        except TimeoutError:
            return f"gave no answer within {self._total_seconds:g} s"
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
            return f"gave no answer ({blotted(_told(error), url)})"
        return response.status_code

    def _request(self, url: str, alerts: Sequence[Alert]) -> httpx.Request:
        body = payload(alerts)
        identity, timestamp = message_id(alerts), str(int(self._now().timestamp()))
        headers = {**HEADERS, "webhook-id": identity, "webhook-timestamp": timestamp}
        if self._secrets:
            headers["webhook-signature"] = signature(self._secrets, identity, timestamp, body)
        address = httpx.URL(url)
        if address.userinfo:
            pair = f"{address.username}:{address.password}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return httpx.Request("POST", address.copy_with(userinfo=b""), headers=headers, content=body)

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS, ssl=self._context)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=READ_AHEAD)


def _ssl_context() -> ssl.SSLContext:
    """Make the rules for TLS: the usual authorities and the system's."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


def _named(status: int) -> str:
    name = f"{status} {HTTPStatus(status).phrase}" if status in set(HTTPStatus) else str(status)
    return f"{name}; redirects are not followed" if httpx.codes.is_redirect(status) else name


def _told(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        return f"not HTTP: {error.message}"
    return str(error) or type(error).__name__
