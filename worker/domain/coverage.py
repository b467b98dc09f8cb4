"""Is there a decision for every due instant? Worked out from the timing, and compared with the ledger."""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice

from worker.domain.timing import Timing

MOST_CHECKED = 2_000


def undecided(timing: Timing, since: datetime, cursor: datetime, ledger: Mapping[datetime, int]) -> list[datetime]:
    """Give the fire times in (since, cursor] that have no entry in the ledger.

    `ledger` maps the fire time of each entry to how many earlier ones it also stands for. What is older than its oldest
    entry is not looked at: the ledger keeps the newest only.
    """
    if not ledger:
        return list(islice(timing.between(since, cursor), MOST_CHECKED))
    entries = sorted(ledger)
    begin = max(since, entries[0])
    missing = [fire for fire in islice(timing.between(begin, cursor), MOST_CHECKED) if fire not in ledger]
    return [fire for fire in missing if not _stood_for(fire, entries, ledger)]


def _stood_for(fire: datetime, entries: list[datetime], ledger: Mapping[datetime, int]) -> bool:
    following = next((entry for entry in entries if entry > fire), None)
    return following is not None and ledger[following] > 0
