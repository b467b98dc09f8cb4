"""The crash matrix: at which point who is killed, and how."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from celery import Celery
from kombu.exceptions import OperationalError

from worker.engine.halting import Point

from .site import Due, Site, wait

SECONDS = 7
"""How long schedules are due in each cell; somebody dies in the third second."""

AWAY_SECONDS = 1.0
"""How long both, or Valkey, are away: what supervises them starts them again."""

STOPPED_SECONDS = 8.0
"""How long a process lies still: longer than its lead or its claims last, so that others have gone on meanwhile."""

REQUESTS = 8
BETWEEN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the table."""

    point: str
    killed: str
    strike: Callable[[Site, Due], None]
    requests: bool = False

    @property
    def name(self) -> str:
        return f"{self.point}: {self.killed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a cell."""

    due: int
    runs: int
    doubled: int
    lost: int
    undecided: int
    lateness: float


BEAT = (
    Point.BEFORE_RECORD,
    Point.AFTER_RECORD,
    Point.BEFORE_DISPATCH,
    Point.AFTER_DISPATCH,
    Point.BEFORE_PUBLISH,
    Point.AFTER_PUBLISH,
)
WORKER = (
    Point.DELIVERED,
    Point.BEFORE_CLAIM,
    Point.AFTER_CLAIM,
    Point.BEFORE_POST,
    Point.ANSWER_READ,
    Point.BEFORE_SETTLE,
    Point.AFTER_SETTLE,
)
BEAT_WAKES = (Point.BEFORE_RECORD, Point.AFTER_RECORD, Point.BEFORE_DISPATCH, Point.BEFORE_PUBLISH)
WORKER_WAKES = (Point.AFTER_CLAIM, Point.BEFORE_POST, Point.ANSWER_READ, Point.BEFORE_SETTLE)
REQUEST = (Point.BEFORE_ACCEPT, Point.BEFORE_ACK)


def cells() -> Iterator[Cell]:
    """Give every cell."""
    for role, points in (("beat", BEAT), ("worker", WORKER)):
        for point in points:
            yield Cell(point, role, partial(_one, role, point))
            yield Cell(point, f"both {role}s", partial(_both, role, point))
            yield Cell(point, "Valkey", partial(_valkey, role, point))
    for role, points in (("beat", BEAT_WAKES), ("worker", WORKER_WAKES)):
        for point in points:
            yield Cell(point, f"{role}, stopped", partial(_stopped, role, point))
    yield Cell("before delivery", "worker", partial(_undelivered, both=False))
    yield Cell("before delivery", "both workers", partial(_undelivered, both=True))
    yield Cell("before delivery", "Valkey", _undelivered_valkey)
    for point, fault in (("after POST sent", "hang_before"), ("after POST accepted", "hang_after_accept")):
        yield Cell(point, "worker", partial(_posting, fault, both=False))
        yield Cell(point, "both workers", partial(_posting, fault, both=True))
        yield Cell(point, "Valkey", partial(_posting_valkey, fault))
    for point in REQUEST:
        yield Cell(point, "worker", partial(_one, "worker", point), requests=True)
        yield Cell(point, "both workers", partial(_both, "worker", point), requests=True)
        yield Cell(point, "Valkey", partial(_valkey, "worker", point), requests=True)


def broker_cells() -> Iterator[Cell]:
    """Give the cells that differ with another broker than Redis: from publish to ack."""
    differing = {Point.BEFORE_PUBLISH, Point.AFTER_PUBLISH, Point.DELIVERED, "before delivery", *REQUEST}
    return (cell for cell in cells() if cell.point in differing and cell.killed != "Valkey")


def run(cell: Cell, site: Site, number: int) -> Result:
    """Let things be due, strike, and count."""
    site.demo.faults.clear()
    site.complete()
    return _requests(cell, site, number) if cell.requests else _schedules(cell, site, number)


def _schedules(cell: Cell, site: Site, number: int) -> Result:
    due = site.due(f"cell{number}", seconds=SECONDS)
    due.begun(2)
    cell.strike(site, due)
    due.complete()
    runs, wanted = due.runs(), due.wanted()
    return Result(
        due=due.count,
        runs=sum(map(len, runs.values())),
        doubled=sum(len(times) - 1 for times in runs.values()),
        lost=len(wanted - runs.keys()),
        undecided=len(wanted - due.decided().keys()),
        lateness=due.lateness(),
    )


def _requests(cell: Cell, site: Site, number: int) -> Result:
    """Other applications' requests instead of schedules: on the way to being recorded."""
    stem = f"request{number}"
    app = Celery("somebody", broker=site.broker or site.url, set_as_current=False)
    asked = time.time()
    with ThreadPoolExecutor(1) as pool, app:
        sent = pool.submit(_send_all, app, stem)
        cell.strike(site, Due(site, {}))
        sent.result()
        wait(lambda: len(_named(site, stem)) >= REQUESTS, f"{REQUESTS} runs")
    names = [name.rsplit("-", 1)[0] for name, _ in _named(site, stem)]
    return Result(
        due=REQUESTS,
        runs=len(names),
        doubled=len(names) - len(set(names)),
        lost=REQUESTS - len(set(names)),
        undecided=0,
        lateness=max(made for _, made in _named(site, stem)) - asked,
    )


def _send_all(app: Celery, stem: str) -> None:
    for each in range(REQUESTS):
        # The first has no key: the message's own id stands in for it. The others may have to be sent twice.
        key = {"idempotency_key": f"{stem}-{each}"} if each else {}
        _send(app, {"pipeline": "training", "config": {"run_name": f"{stem}-{each}"}, **key})
        # One at a time: what is lost on its way out of a Redis is told apart in the document.
        time.sleep(BETWEEN_SECONDS)


def _send(app: Celery, request: dict[str, object]) -> None:
    """Send until the broker has it: an application that gets an error knows that nothing was accepted."""
    wait(lambda: _sent(app, request), "a broker that takes a request")


def _sent(app: Celery, request: dict[str, object]) -> bool:
    try:
        app.send_task("worker.trigger", kwargs=request, queue="zenbeat", retry=False)
    except OperationalError:
        return False
    return True


def _named(site: Site, stem: str) -> list[tuple[str, float]]:
    return [
        (run.name, run.created.timestamp()) for run in site.demo.state.runs.values() if run.name.startswith(f"{stem}-")
    ]


def _one(role: str, point: Point, site: Site, _: Due) -> None:
    site.halt(role, point)
    site.kill(site.halted(role))


def _both(role: str, point: Point, site: Site, _: Due) -> None:
    site.halt(role, point)
    site.halted(role)
    site.kill(*site.processes[role])
    time.sleep(AWAY_SECONDS)
    site.complete()


def _stopped(role: str, point: Point, site: Site, _: Due) -> None:
    """Let a process lie still until others have taken over what it held; then it goes on with it."""
    site.halt(role, point)
    victim = site.halted(role)
    time.sleep(STOPPED_SECONDS)
    victim.send_signal(signal.SIGCONT)
    woke = datetime.now(UTC)
    # By its next sign of life but one, it is through with what it was at.
    wait(lambda: site.signed(role, victim.pid, woke + timedelta(seconds=1)), "a sign of life of who woke up")


def _valkey(role: str, point: Point, site: Site, _: Due) -> None:
    site.halt(role, point)
    victim = site.halted(role)
    _restart_valkey(site, lambda: victim.send_signal(signal.SIGCONT))


def _restart_valkey(site: Site, meanwhile: Callable[[], object] = lambda: None) -> None:
    site.kill_valkey()
    meanwhile()
    time.sleep(AWAY_SECONDS)
    site.valkey.start()


def _undelivered(site: Site, due: Due, *, both: bool) -> None:
    """Kill workers that lie still while messages come for them."""
    workers = list(site.processes["worker"])
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    due.begun(4)
    site.kill(*workers if both else workers[:1])
    if not both:
        workers[1].send_signal(signal.SIGCONT)
        return
    time.sleep(AWAY_SECONDS)
    site.complete()


def _undelivered_valkey(site: Site, due: Due) -> None:
    """Kill Valkey while messages lie in it that nobody has taken."""
    for worker in site.processes["worker"]:
        worker.send_signal(signal.SIGSTOP)
    due.begun(4)
    _restart_valkey(site)
    for worker in site.processes["worker"]:
        worker.send_signal(signal.SIGCONT)


def _unanswered(fault: str, site: Site, seconds: float) -> None:
    """Wait until a POST has reached the server, which does not answer it."""
    site.demo.faults.add(fault, match="POST .*/runs$", seconds=seconds)
    wait(lambda: not site.demo.faults.armed(), "a POST without an answer")


def _posting_valkey(fault: str, site: Site, _: Due) -> None:
    """Kill Valkey while a POST is under way; its answer comes when Valkey is back."""
    _unanswered(fault, site, 2 * AWAY_SECONDS)
    _restart_valkey(site)


def _posting(fault: str, site: Site, _: Due, *, both: bool) -> None:
    """Kill a worker whose POST has reached the server, which has not answered."""
    holder, other = site.processes["worker"]
    other.send_signal(signal.SIGSTOP)  # so that it is clear who holds it
    _unanswered(fault, site, 30.0)
    if not both:
        site.kill(holder)
        other.send_signal(signal.SIGCONT)
        return
    site.kill(holder, other)
    time.sleep(AWAY_SECONDS)
    site.complete()
