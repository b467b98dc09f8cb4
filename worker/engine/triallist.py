"""The trials of one sweep in pages, by their numbers, and only those that are meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.engine.runtime import Engine
from worker.engine.trialrows import Kept, TrialStatus, read_rows
from worker.store.sweeprows import SweepRow

AT_ONCE = 500
"""Trials that are read together, where not all are meant."""

MOST_LOOKED = 5_000
"""Trials that are looked through for one page."""

UNRECORDED = frozenset({TrialStatus.PLANNED, TrialStatus.LEFT_OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialsListed:
    """A page of trials as rows; `following` is the number at which the next one begins, None on the last."""

    rows: Sequence[Mapping[str, Any]]
    following: int | None


async def list_trials(
    engine: Engine, row: SweepRow, kept: Kept, wanted: frozenset[TrialStatus], first: int, limit: int
) -> TrialsListed:
    """Read a page; nothing wanted is all. It may be shorter than `limit`, if many are looked through for few."""
    end = row.total if not wanted or wanted & UNRECORDED else row.next - 1
    rows: list[Mapping[str, Any]] = []
    number, last_looked = max(1, first), max(1, first) + MOST_LOOKED
    while number <= end and len(rows) < limit and number < last_looked:
        count = AT_ONCE if wanted else limit - len(rows)
        for each in await read_rows(engine, row, kept, range(number, min(number + count, end + 1))):
            number = each["trial"] + 1
            if not wanted or each["status"] in wanted:
                rows.append(each)
            if len(rows) == limit:
                break
    return TrialsListed(rows=rows, following=number if number <= end else None)
