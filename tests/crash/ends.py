"""A short night with every kind of end, and a beat that is killed in it."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from worker.demo.zenml.runs import Run
from worker.engine.halting import Point

from .site import Site, wait

ENDS = {"completed", "failed", "stopped", "stuck", "vanished"}
POINTS = (
    Point.BEFORE_LOOK,
    Point.AFTER_LOOK,
    Point.BEFORE_REACT,
    Point.AFTER_REACT,
    Point.BEFORE_LETTER,
    Point.AFTER_LETTER,
)


@dataclass(frozen=True, slots=True)
class EndCell:
    """One row of the table."""

    point: str
    killed: str

    @property
    def name(self) -> str:
        return f"{self.point}: {self.killed}"


CELLS = [EndCell(point, killed) for point in POINTS for killed in ("beat", "both beats")]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What became of a cell."""

    runs: int
    """Runs on the server that have ended."""
    told: int
    """Of these, the ones whose end is in the outcome stream, and there once."""
    followers: int
    """Runs of the schedule that waits for one of them."""
    again: int
    """Runs that were started because one had failed."""
    at_once: int
    """Most runs of one schedule with an overlap policy at the same time."""
    letters: int
    """Alerts that were sent of the failure: more than one where the beat was killed between sending and knowing."""


def strike(cell: EndCell, site: Site, number: int, receiver: "Receiver") -> End:
    """Let runs end in every way, kill the beat at its point, and count."""
    site.complete()
    site.define(_schedules(number, datetime.now(UTC) + timedelta(seconds=6)))
    names = [f"n{number}-{name}" for name in ("plain", "flaky", "after", "skip", "cancel")]
    wait(lambda: all(site.redis.hmget("zenbeat:cursors:0", names)), "schedules that are considered", 5)
    wait(lambda: len(_runs(site, f"n{number}-")) >= FIRST, "the first runs")
    site.halt("beat", cell.point)
    victim = site.halted("beat")
    site.kill(*(site.processes["beat"] if cell.killed == "both beats" else [victim]))
    site.complete()
    wait(lambda: not _left(site, number, receiver), lambda: _left(site, number, receiver))
    runs = _runs(site, f"n{number}-")
    told = Counter(outcome["run_id"] for outcome in _outcomes(site) if outcome["status"] in ENDS)
    return End(
        runs=len(runs),
        told=sum(told[str(run.id)] == 1 for run in runs),
        followers=len(_runs(site, f"n{number}-after-")),
        again=len(_runs(site, f"n{number}-flaky-")) - 1,
        at_once=max(_most_at_once(_runs(site, f"n{number}-{name}-")) for name in ("skip", "cancel")),
        letters=receiver.count(f"n{number}-flaky"),
    )


FIRST = 4


def _schedules(number: int, begin: datetime) -> str:
    """Give one that fails and is started again, one that waits for it, and two that overlap themselves."""
    last = begin + timedelta(seconds=4)

    def steps(**parameters: Any) -> dict[str, Any]:
        return {"steps": {"model_trainer": {"parameters": parameters}}}

    fires = {"every": "2s", "start_time": begin.isoformat(), "end_time": last.isoformat(), "catchup": "all"}
    at = {"at": [begin.isoformat()], "catchup": "all"}
    many = [
        {"name": f"n{number}-plain", **at, "config": steps(seconds=1)},
        {
            "name": f"n{number}-flaky",
            **at,
            "config": steps(fail=True),
            "retry": {"run": {"max_attempts": 2, "initial": "1s"}},
            "notify": {"to": ["ops"]},
        },
        {"name": f"n{number}-after", "after": {"schedule": f"n{number}-plain"}, "config": steps(seconds=0)},
        {"name": f"n{number}-skip", **fires, "overlap": "skip", "config": steps(seconds=3)},
        {"name": f"n{number}-cancel", **fires, "overlap": "cancel_other", "config": steps(seconds=3)},
    ]
    return json.dumps({"schedules": [{"pipeline": "training", **each} for each in many]})


def _runs(site: Site, stem: str) -> list[Run]:
    return [run for run in site.demo.state.runs.values() if run.name.startswith(stem)]


def _outcomes(site: Site) -> list[dict[str, str]]:
    found: Any = site.redis.xrange("zenbeat:outcomes")
    return [fields for _, fields in found]


def _left(site: Site, number: int, receiver: "Receiver") -> str:
    """Say what is not over yet; "" if everything is."""
    names = ("ready", "delayed", "inflight", "held", "following", "going")
    busy = [name for name in names if site.redis.zcard(f"zenbeat:{name}:default")]
    events = site.redis.xlen("zenbeat:events:default")
    cursors = site.redis.hgetall("zenbeat:cursors:0")
    last = {name: entry for name, entry in cursors.items() if name.startswith(f"n{number}-")}
    missing = [each for each in ("plain", "flaky", "after", "skip", "cancel") if not _runs(site, f"n{number}-{each}-")]
    unsent = [] if receiver.count(f"n{number}-flaky") else ["the alert"]
    letters = site.redis.zcard("zenbeat:outbox:0")
    if busy or events or missing or unsent or letters:
        return f"{busy}, {events} events, {letters} letters, no {[*missing, *unsent]}; {last}"
    return ""


def _most_at_once(runs: list[Run]) -> int:
    """Count how many of the runs went on at the same time, at the most."""
    return max(sum(other.created <= run.created < other.course.ended for other in runs) for run in runs)


class Receiver:
    """Takes alerts, and keeps them."""

    def __init__(self) -> None:
        taken: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                taken.append(self.rfile.read(int(self.headers["content-length"])).decode())
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._taken = taken
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def count(self, schedule: str) -> int:
        """Count the messages about a schedule."""
        return sum(schedule in message for message in list(self._taken))
