"""The transport: httpx over aiohttp's connections, with every answer read whole and bounded, at one place.

Neither a login nor a 401 nor a redirect can hold more than the cap, because nothing above sees a stream.
"""

import logging
import ssl
import zlib
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from worker.domain.errors import Fault, InvalidInput
from worker.zenml.options import ZenMLOptions

logger = logging.getLogger("zenbeat.zenml")

IDLE_SECONDS = 4.0
"""An idle connection is dropped before uvicorn's five seconds, so that a POST never meets one that is just closing."""

KEPT_HEADERS = frozenset({b"content-type", b"date", b"location", b"retry-after"})
"""What is read of an answer's headers. Cookies, above all, are not."""


class TooLong(httpx.RemoteProtocolError):
    """The answer holds more than is read."""


@dataclass(slots=True)
class Flight:
    """How far one call has come: whether the server may have seen the request."""

    sent: bool = False


_flight: ContextVar[Flight] = ContextVar("flight")


async def _note_sent(_session: aiohttp.ClientSession, _context: SimpleNamespace, _params: object) -> None:
    """Called by aiohttp just before the first byte of a request is written to a connection."""
    _flight.get().sent = True


class BoundedTransport(httpx.AsyncBaseTransport):
    """Sends over aiohttp; gives answers whose body is complete, decompressed and within the cap.

    A request's extensions may carry `flight` (a Flight to be kept up to date) and `max_bytes`.
    Raises httpx.TransportError, aiohttp.ClientError or OSError.
    """

    def __init__(self, options: ZenMLOptions) -> None:
        self._options = options
        self._context = ssl_context(options) if options.url.startswith("https:") else None
        self._inner = AiohttpTransport(verify=self._context or False, client=self._session)

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self._options.pool_size, keepalive_timeout=IDLE_SECONDS, ssl=self._context or False
        )
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_note_sent)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[trace])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send and read."""
        flight = request.extensions.get("flight") or Flight()
        _flight.set(flight)
        response, content = await self._exchange(request)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            flight.sent = False  # a definite no; what follows with a new token is a new attempt
        # As bytes: a header may hold anything, and httpx takes text for ASCII.
        kept = [(name, value) for name, value in response.headers.raw if name.lower() in KEPT_HEADERS]
        return httpx.Response(response.status_code, headers=kept, content=content, request=request)

    async def _exchange(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        try:
            response = await self._inner.handle_async_request(request)
            try:
                limit = request.extensions.get("max_bytes", self._options.max_bytes)
                return response, await _read(response, limit)
            finally:
                await response.aclose()
        except aiohttp.ClientResponseError as error:
            broken = f"not HTTP: {error.message}"
        # This kind of error has our request's headers, and so the token, in its `repr`. Raised out here, the new one
        # does not have it for a context.
        raise httpx.RemoteProtocolError(broken)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()


async def _read(response: httpx.Response, limit: int) -> bytes:
    if int(response.headers.get("content-length", "0")) > limit:
        raise TooLong(f"the answer is longer than {limit} bytes")
    unpack = _unpacker(response.headers.get("content-encoding", "identity"))
    content = bytearray()
    async for chunk in response.stream:  # type: ignore[union-attr]  # an async transport gives an async stream
        # One byte over the limit is enough to know; a bomb is never unpacked further.
        content += _unpacked(unpack, chunk, limit + 1 - len(content)) if unpack else chunk
        if len(content) > limit:
            raise TooLong(f"the answer is longer than {limit} bytes")
    if unpack and not unpack.eof:
        raise httpx.RemoteProtocolError("the compressed answer is cut short")
    return bytes(content)


def _unpacked(unpack: "zlib._Decompress", chunk: bytes, most: int) -> bytes:
    try:
        return unpack.decompress(chunk, most)
    except zlib.error as error:
        raise httpx.RemoteProtocolError(f"the compressed answer is broken ({error})") from error


def _unpacker(encoding: str) -> "zlib._Decompress | None":
    """We ask for plain answers; a gateway may compress them nevertheless."""
    match encoding.strip().lower():
        case "identity" | "":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
        case "deflate":
            return zlib.decompressobj()
        case other:
            raise httpx.RemoteProtocolError(f"the answer is compressed as {other[:20]!r}, which was not asked for")


def ssl_context(options: ZenMLOptions) -> ssl.SSLContext:
    """Make the rules for TLS: the usual authorities and the system's, or only the given ones. TLS 1.2 at least.

    Raises InvalidInput if the authorities cannot be read.
    """
    if not isinstance(options.verify_ssl, str):
        context = httpx.create_ssl_context(verify=options.verify_ssl, trust_env=False)
        if options.verify_ssl:
            context.load_default_certs()
        else:
            logger.warning("certificates not checked", extra={"server": options.url})
        return context
    path = Path(options.verify_ssl)
    try:
        folder = path.is_dir()
        return ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
    except (OSError, ssl.SSLError) as error:
        message = f"authorities cannot be read from {path}: {error.strerror or error}"
        raise InvalidInput([Fault(path="ZENML_STORE_VERIFY_SSL", message=message)]) from error
