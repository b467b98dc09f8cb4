"""From an entry to its rules: what happens when runs overlap, fail, or end, and who is told."""

import re
from typing import Any
from urllib.parse import urlsplit

from worker.domain.alert import AlertKind
from worker.domain.fate import Fate
from worker.domain.notify import Notify
from worker.domain.retry import RetryPolicy, RunRetry
from worker.domain.schedule import Overlap
from worker.source.document import Path
from worker.source.endings import NotifyEntry
from worker.source.findings import Findings
from worker.source.model import RetryEntry, ScheduleEntry

_OVERLAPS = {"skip": Overlap.SKIP, "submit": Overlap.ALLOW}
"""ZenML's `concurrency` in our words."""

_TOKEN = re.compile(
    r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{20,}"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|[?&;](?:[^=&;]*(?:token|secret|passw|key)[^=&;]*|sig|signature)=[^&;]+",
    re.IGNORECASE,
)
"""What in an address looks as if nobody else should know it: random digits and letters, or a telling name."""


def build_overlap(entry: ScheduleEntry, path: Path, findings: Findings) -> Overlap:
    """Read what happens when a run of the schedule is still going on, in our words or in ZenML's."""
    if entry.overlap and entry.concurrency:
        findings.fault((*path, "concurrency"), "overlap is there already; keep one of them", at_key=True)
    return Overlap(entry.overlap) if entry.overlap else _OVERLAPS.get(entry.concurrency or "", Overlap.ALLOW)


def build_coalesce(entry: ScheduleEntry, path: Path, findings: Findings) -> bool:
    """Read whether what is made up for is one run."""
    if entry.coalesce and entry.after is None and entry.catchup != "all":
        message = "coalesce makes one run of all that is made up for; write catchup: all beside it"
        findings.fault((*path, "coalesce"), message, at_key=True)
    return entry.coalesce


def build_retry(entry: RetryEntry | None, path: Path, findings: Findings) -> tuple[RetryPolicy, RunRetry | None]:
    """Read how a start is tried again, and how a run is started again."""
    if entry is None:
        return RetryPolicy(), None
    path = (*path, "retry")
    policy = RetryPolicy(**{key: value for key, value in entry if value is not None and key != "run"})
    run = None
    if entry.run is not None:
        given: dict[str, Any] = {key: value for key, value in entry.run if value is not None}
        if "on" in given:
            given["on"] = frozenset(map(Fate, given["on"]))
        run = RunRetry(**given)
    for place, waits in ((path, policy), ((*path, "run"), run)):
        if waits is not None and waits.initial > waits.max:
            findings.fault((*place, "initial"), "is longer than max, which is the longest wait")
    return policy, run


def build_notify(entry: NotifyEntry | None, path: Path, findings: Findings) -> Notify | None:
    """Read who is told, at a path that leads to `notify`."""
    if entry is None:
        return None
    for index, receiver in enumerate(entry.to):
        if "://" in receiver and _has_secret(receiver):
            message = "a password or token does not belong here; name the address in ZENBEAT_RECEIVERS"
            findings.warn((*path, "to", index), message)
    given: dict[str, Any] = {"on": frozenset(map(AlertKind, entry.on))} if entry.on else {}
    return Notify(to=tuple(dict.fromkeys(entry.to)), quiet=entry.quiet, **given)


def _has_secret(address: str) -> bool:
    try:
        password = urlsplit(address).password
    except ValueError:
        password = None
    return password is not None or _TOKEN.search(address) is not None
