"""One call to ZenML: bounded in time and bytes, no redirects, and the truth about whether it was sent."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import aiohttp
import httpx

from worker import __version__
from worker.domain.errors import NotSent, Unclear
from worker.zenml.bounded import BoundedTransport, Flight, TooLong
from worker.zenml.options import ZenMLOptions

NO_ADDRESS = "no ZenML server is set: set ZENML_STORE_URL to its address"

Params = Mapping[str, str | int]

TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered, whatever the status."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


class Wire:
    """The connections to one server. `auth` puts the token on every call but the anonymous ones."""

    def __init__(self, options: ZenMLOptions, auth: httpx.Auth) -> None:
        self._options = options
        self._auth = auth
        self._client = httpx.AsyncClient(
            transport=BoundedTransport(options),
            # The time for reading is the total, which bounds it anyway; waiting for a connection is part of it too.
            timeout=httpx.Timeout(options.total_timeout, connect=options.connect_timeout, pool=None),
            headers={
                "user-agent": f"zenbeat/{__version__}",
                "accept": "application/json",
                "accept-encoding": "identity",
            },
            follow_redirects=False,
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def read(
        self, path: str, params: Params | None = None, *, anonymous: bool = False, max_bytes: int | None = None
    ) -> Answer:
        """Ask for something. Raises NotSent if no answer came: nothing can have been started by asking.

        Its code is `too_long` if the answer holds more than `max_bytes`; who asks for less may get one.
        """
        request = self._request("GET", path, params=params, max_bytes=max_bytes)
        try:
            return await self._send(request, None if anonymous else self._auth)
        except TooLong as error:
            raise NotSent(self._lost(error), code=TOO_LONG) from error
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise NotSent(self._lost(error), code=_code(error)) from error

    async def change(self, method: str, path: str, params: Params | None = None) -> Answer:
        """DELETE something, or POST what does no harm twice.

        Raises NotSent if no answer came; it may be done all the same.
        """
        request = self._request(method, path, params=params)
        try:
            return await self._send(request, self._auth)
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise NotSent(self._lost(error), code=_code(error)) from error

    async def write(self, path: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """POST something. Raises NotSent if it did not reach the server, Unclear if it may have."""
        request = self._request("POST", path, content=content, headers=headers)
        try:
            return await self._send(request, self._auth)
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            if request.extensions["flight"].sent:
                raise Unclear(f"{self._lost(error)}; it may have started the run", code=_code(error)) from error
            raise NotSent(self._lost(error), code=_code(error)) from error

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
    ) -> httpx.Request:
        if not self._options.url:
            raise NotSent(NO_ADDRESS, code="no_address")
        extensions = {"flight": Flight(), "max_bytes": max_bytes or self._options.max_bytes}
        return self._client.build_request(
            method,
            _parsed(self._options.url + path),
            params=params,
            content=content,
            headers=headers,
            extensions=extensions,
        )

    async def _send(self, request: httpx.Request, auth: httpx.Auth | None) -> Answer:
        async with asyncio.timeout(self._options.total_timeout):
            response = await self._client.send(request, auth=auth)
        return Answer(status=response.status_code, headers=response.headers, content=response.content)

    def _lost(self, error: Exception) -> str:
        """Say in one sentence why there is no answer."""
        where = f"ZenML at {self._options.url}"
        if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
            return (
                f"{where} cannot be trusted ({error}); if its certificate comes from an authority of your own, "
                "set ZENML_STORE_VERIFY_SSL to the authority's file"
            )
        if isinstance(error, TimeoutError | httpx.TimeoutException) and not str(error):
            return f"{where} gave no answer within {self._options.total_timeout:g} s"
        return f"{where} gave no answer ({str(error) or type(error).__name__})"


@lru_cache(maxsize=1024)
def _parsed(url: str) -> httpx.URL:
    """Parse an address. Launches go to a few addresses, and parsing one is not cheap."""
    return httpx.URL(url)


def _code(error: Exception) -> str:
    causes = _causes(error)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "tls"
    # aiohttp's errors are looked at, not httpx's: the bridge calls a lost connection a ConnectTimeout.
    return "timeout" if any(isinstance(cause, TimeoutError) for cause in causes) else "unreachable"


def _causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while following := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(following)
    return causes
