"""One call over HTTP, asked again while that may help."""

import random
import time
from collections.abc import Mapping
from typing import Any

import httpx

from zenbeat_client.errors import Unavailable, refusal
from zenbeat_client.retrying import AGAIN, Retry, now, told

USER_AGENT = "zenbeat-client/0.1.0"


class Line:
    """A connection to a server, and the patience with it."""

    def __init__(self, url: str, key: str | None, retry: Retry, timeout: float, rng: random.Random) -> None:
        headers = {"User-Agent": USER_AGENT, **({"Authorization": f"Bearer {key}"} if key else {})}
        self._http = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1/", headers=headers, timeout=timeout)
        self._retry = retry
        self._timeout = timeout
        self._rng = rng

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        longer: float = 0.0,
    ) -> httpx.Response:
        """Send a request until there is an answer that counts. Raises Refused, or Unavailable."""
        timeout = httpx.Timeout(self._timeout, read=self._timeout + longer)
        request = self._http.build_request(method, path, json=json, params=params, headers=headers, timeout=timeout)
        waited = 0.0
        for attempt in range(1, self._retry.attempts + 1):
            response, trouble = self._attempt(request)
            if response is not None and response.status_code not in AGAIN:
                return self._good(response)
            wait = self._wait(response, attempt)
            waited += wait
            if attempt == self._retry.attempts or waited > self._retry.patience:
                break
            time.sleep(wait)
        raise Unavailable(f"{method} {request.url.path}: {trouble} (attempt {attempt})")

    def _attempt(self, request: httpx.Request) -> tuple[httpx.Response | None, str]:
        try:
            response = self._http.send(request)
        except httpx.TransportError as error:
            return None, str(error) or type(error).__name__
        return response, f"HTTP {response.status_code}"

    def _wait(self, response: httpx.Response | None, attempt: int) -> float:
        named = None if response is None else told(response, now())
        return self._retry.wait(attempt, self._rng) if named is None else named

    @staticmethod
    def _good(response: httpx.Response) -> httpx.Response:
        if not response.is_success:
            raise refusal(response)
        return response

    def stream(self, path: str, params: Mapping[str, Any], headers: Mapping[str, str], silence: float) -> Any:
        """Open a stream that is silent for no longer than that; a context with the response."""
        timeout = httpx.Timeout(self._timeout, read=silence)
        return self._http.stream("GET", path, params=params, headers=headers, timeout=timeout)
