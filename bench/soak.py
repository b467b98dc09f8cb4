"""Random faults of every kind for a given time; then the server's own list of runs is compared with what was due."""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import redis
from celery import Celery
from kombu.exceptions import OperationalError

from bench.figures import keep, percentile
from bench.soaktrials import Trials
from tests.crash.proxy import Proxy
from tests.crash.site import ROLES, Due, Site, stopped, wait

SCHEDULES = 4
BETWEEN = (0.5, 3.0)
"""Seconds from one fault to the next."""

HEAL_SECONDS = 120.0
"""How long it may take, when all faults are over, until nothing is missing."""

TRIALS_A_SECOND = 3
FIRES_A_SECOND = 1
"""Trials of the sweep, and fires of the backfill, for each second of the soak."""

FAILURE_RATE = 0.1
"""Of all runs; a trial that fails is run again."""

WRONG = (
    *("missing", "doubled", "undecided"),
    *("trials missing", "trials doubled", "out of order", "rows that do not add up"),
)

SETTINGS = {"ZENBEAT_HTTP_TIMEOUT": "5"}

SERVER_FAULTS = (
    ("status", {"status": 503}),
    ("status_after_accept", {"status": 502}),
    ("429_capacity", {}),
    ("429_busy_but_running", {}),
    ("reset_before", {}),
    ("reset_after_accept", {}),
    ("killed", {}),
    ("hang_before", {"seconds": 3.0}),
    ("hang_after_accept", {"seconds": 8.0}),
    ("html_200", {}),
    ("html_200_after_accept", {}),
    ("truncated_json", {}),
    ("cut_off", {}),
    ("queue_fails", {}),
)


@dataclass
class Nemesis:
    """Does harm, by a seed: the same seed gives the same faults in the same order."""

    site: Site
    proxy: Proxy
    trials: Trials
    rng: Random
    done: Counter[str]

    def strike(self) -> None:
        """Do one harm, and undo it where it would last."""
        name, harm = self.rng.choice(self._harms())
        self.done[name] += 1
        with suppress(redis.RedisError):  # what is harmed may be down just then
            harm()

    def _harms(self) -> list[tuple[str, Callable[[], object]]]:
        client = self.site.redis
        return [
            ("kill a beat", lambda: self._kill("beat", both=False)),
            ("kill both beats", lambda: self._kill("beat", both=True)),
            ("kill a worker", lambda: self._kill("worker", both=False)),
            ("kill both workers", lambda: self._kill("worker", both=True)),
            ("stop a beat for a while", lambda: self._stop("beat")),
            ("stop a worker for a while", lambda: self._stop("worker")),
            ("kill Valkey", self._kill_valkey),
            ("cut off Redis", lambda: self._network("cut")),
            ("let Redis hang", lambda: self._network("hang")),
            ("lose Redis' answers", lambda: self._network("deaf")),
            ("CLIENT KILL", lambda: client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")),
            ("SCRIPT FLUSH", lambda: client.script_flush()),
            ("pause the sweep and the backfill", lambda: self.trials.pause(self.rng.uniform(0.5, 4), time.sleep)),
            ("lose the doorbell's messages", lambda: client.delete("zenbeat.doorbell")),
            *[("ZenML: " + kind, lambda k=kind, d=details: self._server(k, d)) for kind, details in SERVER_FAULTS],
        ]

    def _kill(self, role: str, *, both: bool) -> None:
        victims = [one for one in self.site.processes[role] if one.poll() is None]
        self.site.kill(*(victims if both else victims[:1]))
        self.supervise()

    def _stop(self, role: str) -> None:
        victim = self.rng.choice(self.site.processes[role])
        victim.send_signal(signal.SIGSTOP)
        time.sleep(self.rng.uniform(1, 7))
        victim.send_signal(signal.SIGCONT)

    def _kill_valkey(self) -> None:
        self.site.kill_valkey()
        time.sleep(self.rng.uniform(0, 2))
        self.site.valkey.start()

    def _network(self, mode: str) -> None:
        self.proxy.set(mode)
        time.sleep(self.rng.uniform(0.5, 5))
        self.proxy.set("pass")

    def _server(self, kind: str, details: dict[str, float]) -> None:
        # One trouble at a time. A server in trouble is hardly asked; what it has in store would last for minutes.
        self.site.demo.faults.clear()
        self.site.demo.faults.add(kind, match="POST .*/runs$", times=self.rng.randint(1, 6), **details)

    def supervise(self) -> None:
        """Start again what has ended, as whatever supervises beats and workers does."""
        for role in ROLES:
            living = [process for process in self.site.processes[role] if process.poll() is None]
            self.site.processes[role] = living
            while len(living) < 2:
                self.site.start(role)


def soak(seconds: int, seed: int) -> None:
    """Run, and end with exit 1 if a due instant has no run, or two."""
    with TemporaryDirectory(prefix="zenbeat-soak-") as folder, ExitStack() as stack:
        site = stack.enter_context(Site(Path(folder) / "site", settings=SETTINGS, failure_rate=FAILURE_RATE))
        site.proxy = stack.enter_context(Proxy(site.valkey_port))
        trials = Trials(site)
        nemesis = Nemesis(site, site.proxy, trials, Random(seed), Counter())
        site.complete()
        due = site.due("soak", seconds=seconds, schedules=SCHEDULES)
        trials.begin(TRIALS_A_SECOND * seconds, FIRES_A_SECOND * seconds)
        asked = _suffer(nemesis, site, time.monotonic() + seconds)
        site.demo.faults.clear()
        site.proxy.set("pass")
        site.complete()
        with suppress(AssertionError):  # what is missing is told below
            due.complete(HEAL_SECONDS)
        with suppress(AssertionError):
            trials.wait(HEAL_SECONDS + seconds)
        again = _ask_again(site, asked)
        with suppress(AssertionError):
            wait(lambda: not _missing(site, asked), f"{asked} requests", 30)
        _tell_missing(site, due, asked)
        figures = {**_figures(site, due, asked), "requests sent again": float(again), **trials.figures()}
        _told(nemesis.done)
        keep("soak", {"seconds": seconds, "seed": seed, "faults": nemesis.done.total()}, {"soak": [figures]})
        if any(figures[name] for name in WRONG):
            sys.exit(1)


def _suffer(nemesis: Nemesis, site: Site, end: float) -> int:
    """Do harm until the end; between faults, another application asks for runs. Gives for how many."""
    app = Celery("somebody", broker=site.url, set_as_current=False)
    asked = 0
    while time.monotonic() < end:
        nemesis.strike()
        try:
            _ask(app, asked)
            _recorded(site)
            asked += 1
        except OperationalError:
            pass  # nobody took it; the application knows, and asks again
        time.sleep(nemesis.rng.uniform(*BETWEEN))
        nemesis.supervise()
    app.close()
    return asked


def _ask(app: Celery, number: int) -> None:
    config = {"run_name": f"ask-{number}"}
    request = {"pipeline": "training", "idempotency_key": f"ask-{number}", "config": config}
    app.send_task("worker.trigger", kwargs=request, queue="zenbeat", retry=False)


def _ask_again(site: Site, asked: int) -> int:
    """Send what has no run once more, with its key, as the documents advise; gives how many that were.

    Celery's transport over Redis can lose a message on its way; a trigger that is on record is never lost.
    """
    missing = _missing(site, asked)
    with Celery("somebody", broker=site.url, set_as_current=False) as app:
        for number in missing:
            _ask(app, number)
    return len(missing)


def _missing(site: Site, asked: int) -> list[int]:
    found = set(_requests(site))
    return [number for number in range(asked) if f"ask-{number}" not in found]


def _recorded(site: Site) -> None:
    """Wait until the request is on record: a message on its way out of a Redis queue dies with who takes it."""
    with suppress(AssertionError):
        wait(lambda: not site.redis.llen("zenbeat") and not site.redis.hlen("unacked"), "an empty queue", 20)


def _tell_missing(site: Site, due: Due, asked: int) -> None:
    """Say where what has no run has got to."""
    requests = {f"ask-{number}" for number in _missing(site, asked)}
    missing = sorted(requests | (due.wanted() - due.runs().keys()))
    if not missing:
        return
    print("missing:", ", ".join(missing), file=sys.stderr)
    for key in site.redis.scan_iter(match="zenbeat:trigger:*"):
        trigger = site.redis.hgetall(key)
        if trigger["state"] != "started":
            print({name: value for name, value in trigger.items() if name != "digest"}, file=sys.stderr)
    for _, entry in site.redis.xrange("zenbeat:unreadable"):
        print(entry, file=sys.stderr)


def _requests(site: Site) -> list[str]:
    return [run.name.rsplit("-", 1)[0] for run in site.demo.state.runs.values() if run.name.startswith("ask-")]


def _figures(site: Site, due: Due, asked: int) -> dict[str, float]:
    runs, wanted, requests = due.runs(), due.wanted(), _requests(site)
    late = [(made - due.instant(name)).total_seconds() for name, times in runs.items() for made in times]
    memory = [_memory(process.pid) for role in ROLES for process in site.processes[role] if not stopped(process.pid)]
    return {
        "due": float(due.count + asked),
        "runs": float(sum(map(len, runs.values())) + len(requests)),
        "doubled": float(sum(len(times) - 1 for times in runs.values()) + len(requests) - len(set(requests))),
        "missing": float(len(wanted - runs.keys()) + asked - len(set(requests))),
        "undecided": float(len(wanted - due.decided().keys())),
        "late p50 s": percentile(late, 0.5),
        "late p95 s": percentile(late, 0.95),
        "latest s": max(late),
        "RSS MB": max(memory),
    }


def _memory(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _told(done: Counter[str]) -> None:
    for name, times in sorted(done.items()):
        print(f"{times:4} {name}", file=sys.stderr)
