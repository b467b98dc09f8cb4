"""The client: a method for each thing that one may ask of a zenbeat server."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote
from uuid import uuid4

from zenbeat_client.calling import Line
from zenbeat_client.errors import Conflict
from zenbeat_client.following import Follower
from zenbeat_client.results import Event, Queued, Schedule, Trigger, read_queued, read_schedule, read_trigger
from zenbeat_client.retrying import Retry

LOOK_SECONDS = 30
"""How long the server is asked to wait in one call for the end of a run."""


class Zenbeat:
    """A zenbeat server, at `url` (`https://…`), and the API key for it. Threads may share one.

    Use it as a context, or close it.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        timeout: float = 10.0,
        rng: random.Random | None = None,
    ) -> None:
        """`timeout` is seconds for one connection or answer; `key` may be left out before a server has keys at all."""
        self._retry = retry
        self._line = Line(url, key, retry, timeout, rng or random.Random())

    def __enter__(self) -> "Zenbeat":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._line.close()

    def trigger(
        self,
        pipeline: str,
        *,
        template: str | None = None,
        snapshot: str | None = None,
        project: str | None = None,
        config: Mapping[str, Any] | None = None,
        priority: int | None = None,
        not_before: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Queued:
        """Queue one run. The same `idempotency_key` is the same run; without one, this call is one run."""
        asked: dict[str, Any] = {
            "pipeline": pipeline,
            "template": template,
            "snapshot": snapshot,
            "project": project,
            "config": config,
            "priority": priority,
            "not_before": not_before,
        }
        response = self._post_triggers(_worded(asked), idempotency_key)
        return read_queued(response.json(), new="idempotent-replayed" not in response.headers)

    def trigger_many(
        self, triggers: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> list[Queued]:
        """Queue up to 1,000 runs, all of them or none; each has the fields of `trigger`, `pipeline` too.

        `new` is False for all of them when none was.
        """
        response = self._post_triggers({"triggers": [_worded(each) for each in triggers]}, idempotency_key)
        new = "idempotent-replayed" not in response.headers
        return [read_queued(each, new=new) for each in response.json()["triggers"]]

    def _post_triggers(self, body: Mapping[str, Any], key: str | None) -> Any:
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self._line.ask("POST", "triggers", json=body, headers=headers)

    def get(self, trigger: str) -> Trigger:
        """Look at a trigger. Raises NotFound."""
        return read_trigger(self._line.ask("GET", _path(trigger)).json())

    def wait(
        self, trigger: str, *, timeout: float | None = None, until: Literal["started", "ended"] = "ended"
    ) -> Trigger:
        """Wait until the run has ended, or `started`, or none will come. Raises TimeoutError after so many seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = LOOK_SECONDS if deadline is None else max(0.0, min(LOOK_SECONDS, deadline - time.monotonic()))
            params = {"wait": f"{left:.3f}", "until": until}
            found = read_trigger(self._line.ask("GET", _path(trigger), params=params, longer=left).json())
            if found.ended if until == "ended" else found.started:
                return found
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"trigger {trigger} is {found.state} after {timeout} s")

    def cancel(self, trigger: str) -> Trigger:
        """Withdraw a trigger that was not sent yet. Raises Conflict when it was, or NotFound."""
        try:
            return read_trigger(self._line.ask("POST", f"{_path(trigger)}/cancel").json())
        except Conflict as refused:
            if refused.problem.get("state") != "cancelled":
                raise
        # Done already: perhaps by us, and the answer was lost.
        return self.get(trigger)

    def schedules(self, *, pipeline: str | None = None) -> Iterator[Schedule]:
        """Give every schedule, by name."""
        params: dict[str, Any] = {"limit": 200, **({"pipeline": pipeline} if pipeline else {})}
        while True:
            page = self._line.ask("GET", "schedules", params=params).json()
            yield from map(read_schedule, page["items"])
            if not page["next"]:
                return
            params["cursor"] = page["next"]

    def events(
        self,
        *,
        after: str | None = None,
        statuses: Sequence[str] = (),
        pipeline: str | None = None,
        schedule: str | None = None,
        trigger: str | None = None,
        sweep: str | None = None,
    ) -> Iterator[Event]:
        """Give outcomes as they come, for as long as they are asked for; `after` the id of one, or from now on.

        A connection that breaks is taken up after the last id that came; before there was one, from now on.
        """
        named = {"pipeline": pipeline, "schedule": schedule, "trigger": trigger, "sweep": sweep}
        params = {"status": list(statuses), **{name: value for name, value in named.items() if value is not None}}
        return Follower(self._line, params, after, self._retry).events()


def _path(trigger: str) -> str:
    return f"triggers/{quote(trigger, safe='')}"


def _worded(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what was left out, and write instants as the server reads them."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asked.items()
        if value is not None
    }
