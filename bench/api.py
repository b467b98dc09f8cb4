"""The HTTP API under load, beside what one would write instead: how many, how soon, and each started once."""

import sys
from collections import Counter
from collections.abc import Sequence

from bench.clock import now, sleep_until, wait_until
from bench.doors import DOORS, Calling, Door
from bench.figures import Figures, keep, percentile
from bench.load import Came

WARM_UP = 50

BATCH = 1000

EVEN_CALLS = 300
EVEN_RATE = 20.0

KILLS = 3

PATIENCE_SECONDS = 300.0
QUIET_SECONDS = 2.0
"""How long after the last launch a doubled one may still come."""


def api(runs: int, calls: int, connections: int, batches: int, systems: Sequence[str]) -> None:
    """Measure the systems in turn, `runs` times, each with fresh processes."""
    load: dict[str, list[Figures]] = {}
    launch: dict[str, list[Figures]] = {}
    once: dict[str, list[Figures]] = {}
    for number in range(runs):
        for name in systems:
            row, make = DOORS[name]
            print(f"run {number + 1} of {runs}: {name}", file=sys.stderr, flush=True)
            with make() as door:
                _warm_up(door)
                launch.setdefault(row, []).append(_launch(door))
                load.setdefault(row, []).append(_load(door, calls, connections, batches))
                once.setdefault(row, []).append(_killed(door, calls, connections))
            for found in (launch, load, once):
                print(found[row][-1], file=sys.stderr, flush=True)
    keep("api-launch", {"triggers": EVEN_CALLS, "a second": EVEN_RATE, "runs": runs}, launch)
    keep("api", {"calls": calls, "connections": connections, "batches": batches, "of": BATCH, "runs": runs}, load)
    keep("api-killed", {"calls": calls, "connections": connections, "kills": KILLS, "runs": runs}, once)


def _warm_up(door: Door) -> None:
    Calling(door.plan("w", WARM_UP)).end()
    _settle(door, WARM_UP)


def _launch(door: Door) -> Figures:
    """From the sending of each POST to its launch, and to its 202, at a rate that leaves everybody time."""
    came = Calling(door.plan("l", EVEN_CALLS, rate=EVEN_RATE)).end()
    record = _settle(door, EVEN_CALLS)
    started = {name: when for when, name in reversed(record)}
    took = [started[name] - sent for name, sent in came.sent.items() if name in started]
    return {
        **_spread("to the launch", took, 0.5, 0.9, 0.99),
        **_spread("to the 202", came.took, 0.5, 0.99),
        **_once(came, record),
    }


def _load(door: Door, calls: int, connections: int, batches: int) -> Figures:
    """As fast as the callers get their answers, with everything else going on: one trigger each, then many in each."""
    rss, before = door.group.rss(), door.group.cpu()
    came = Calling(door.plan("o", calls, connections=connections)).end()
    after = door.group.cpu()
    record = _settle(door, calls)
    many = Calling(door.plan("m", batches, batch=BATCH)).end()
    triggers = batches * BATCH
    record_many = _settle(door, triggers)
    one, all_many = _once(came, record), _once(many, record_many)
    return {
        "POSTs a second": calls / (came.end - came.begin),
        **_spread("answered", came.took, 0.5, 0.99, 1.0),
        "CPU ms a POST, API": (after["api"] - before["api"]) / calls * 1000,
        "in POSTs of 1,000, triggers a second": triggers / (many.end - many.begin),
        "RSS MiB before": rss["api"],
        "RSS MiB after": door.group.rss()["api"],
        **{name: one[name] + all_many[name] for name in one},
    }


def _killed(door: Door, calls: int, connections: int) -> Figures:
    """The API's process is killed and started again in the middle; the callers come again with the same key."""
    calling = Calling(door.plan("k", calls, connections=connections))
    kills = 0
    for number in range(KILLS):
        mark = calls * (number + 1) // (KILLS + 3)
        wait_until(lambda mark=mark: door.stub.count() >= mark or not calling.going_on(), PATIENCE_SECONDS, every=0.01)
        if calling.going_on():
            door.kill()
            door.open()
            kills += 1
    came = calling.end()
    record = _settle(door, calls)
    return {
        "kills": kills,
        "accepted": len(came.accepted),
        "calls made again": came.again,
        "longest until the 202 s": max(came.took),
        **_once(came, record),
    }


def _settle(door: Door, expected: int) -> list[tuple[float, str]]:
    """Wait until all is started and nothing comes any more; gives what came, and forgets it."""
    deadline = now() + PATIENCE_SECONDS
    count, since = -1, now()
    while now() < deadline:
        found = door.stub.count()
        if found != count:
            count, since = found, now()
        quiet = now() - since
        if quiet >= QUIET_SECONDS and (found >= expected or quiet >= 10 * QUIET_SECONDS):
            break
        sleep_until(now() + 0.1)
    record = door.started()
    door.stub.reset()
    return record


def _once(came: Came, record: Sequence[tuple[float, str]]) -> Figures:
    """Compare what got 202 with what was started."""
    started = Counter(name for _, name in record)
    return {
        "lost": len(set(came.accepted) - set(started)),
        "doubled": sum(started.values()) - len(started),
        "without a 202": len(came.sent) - len(came.took),
    }


def _spread(what: str, seconds: Sequence[float], *shares: float) -> Figures:
    named = {1.0: "max"}
    return {f"{what} {named.get(each, f'p{each * 100:.0f}')} ms": percentile(seconds, each) * 1000 for each in shares}
