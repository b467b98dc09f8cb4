"""The stream of events: read line by line, and taken up again where it broke off."""

import json
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from zenbeat_client.calling import Line
from zenbeat_client.errors import Unavailable, refusal
from zenbeat_client.results import Event
from zenbeat_client.retrying import AGAIN, Retry, now, told

SILENCE_SECONDS = 60.0
"""The server says something every 15 s; a connection that is silent for so long is dead."""


class Follower:
    """One caller's way along the stream; `after` is the id of the last that was seen."""

    def __init__(self, line: Line, params: Mapping[str, Any], after: str | None, retry: Retry) -> None:
        self._line = line
        self._params = params
        self._after = after
        self._retry = retry
        self._rng = random.Random()
        self._troubles = 0

    def events(self) -> Iterator[Event]:
        """Give events until nobody asks for more. Raises Refused, or Unavailable when it breaks too often in a row."""
        while True:
            wait: float | None = None
            trouble = "the stream ended"
            try:
                headers = {"Last-Event-ID": self._after} if self._after else {}
                with self._line.stream("events", self._params, headers, SILENCE_SECONDS) as response:
                    if response.status_code not in AGAIN:
                        yield from self._read(response)
                    else:
                        wait = told(response, now())
                        trouble = f"HTTP {response.status_code}"
            except httpx.TransportError as error:
                trouble = str(error) or type(error).__name__
            self._pause(wait, trouble)

    def _read(self, response: httpx.Response) -> Iterator[Event]:
        if not response.is_success:
            response.read()
            raise refusal(response)
        for event in read_events(response.iter_lines()):
            self._troubles = 0
            self._after = event.id or self._after
            if event.kind != "message" or event.data:
                yield event

    def _pause(self, wait: float | None, trouble: str) -> None:
        self._troubles += 1
        if self._troubles >= self._retry.attempts or (wait or 0) > self._retry.patience:
            raise Unavailable(f"GET events: {trouble} (attempt {self._troubles})")
        time.sleep(self._retry.wait(self._troubles, self._rng) if wait is None else wait)


def read_events(lines: Iterator[str]) -> Iterator[Event]:
    """Read server-sent events. One without data only tells how far one has come, or that the server is there."""
    found: dict[str, str] = {}
    for text in lines:
        if text:
            name, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if name == "data" and "data" in found:
                value = f"{found['data']}\n{value}"
            found[name] = value
            continue
        yield _event(found)
        found = {}


def _event(found: Mapping[str, str]) -> Event:
    data = json.loads(found["data"]) if found.get("data") else {}
    return Event(id=found.get("id", ""), kind=found.get("event", "message"), data=data)
