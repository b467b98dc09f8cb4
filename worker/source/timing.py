"""From an entry to its timing: when a schedule is due, how a person wrote it, and the hash that tells of a change."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from worker.domain.after import After
from worker.domain.cron import Cron, CronError
from worker.domain.cronfields import is_hashed
from worker.domain.duration import format_duration
from worker.domain.timing import Timing, TimingError
from worker.domain.zones import Fold, Gap, ZoneError, resolve_local
from worker.source.document import Path
from worker.source.fields import LAST_MOMENT, LocalTime
from worker.source.findings import Findings
from worker.source.following import after_parts, after_text, build_after
from worker.source.model import CLOCKS, PATTERNS, TIMING, ClockEntry, ScheduleEntry, SweepEntry

_AROUND = datetime(2026, 1, 1, tzinfo=UTC)
_REVISION = 12  # hex digits


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """All about the timing of one schedule."""

    timing: Timing
    text: str
    revision: str
    after: After | None = None


def has_clock(path: Path, findings: Findings) -> bool:
    """Tell whether a sweep is due by the clock; if not, a word of timing is a fault."""
    raw = _raw(path, findings)
    if any(raw.get(key) is not None for key in CLOCKS):
        return True
    for word in TIMING:
        if raw.get(word) is not None:
            message = f"{word} needs cron, every or at beside it; without one the sweep runs when it is asked for"
            findings.fault((*path, word), message, at_key=True)
    return False


def build_when(entry: ScheduleEntry | SweepEntry, path: Path, findings: Findings) -> When | None:
    """Make the timing of an entry, or note what is wrong with it."""
    raw = _raw(path, findings)
    if not _has_one_pattern(entry, raw, path, findings):
        return None
    follows = entry.after if isinstance(entry, ScheduleEntry) else None
    after = build_after(follows, raw, path, findings) if follows else None
    if follows and after is None:
        return None
    reader = _Reader(entry, path, findings)
    parts: dict[str, Any] = {
        "crons": reader.crons(),
        "every": entry.every,
        "at": reader.moments(),
        "follows": after is not None,
        "start_time": reader.moment(entry.start_time, (*path, "start_time")),
        "end_time": reader.moment(entry.end_time, (*path, "end_time"), last=True),
        "skip_dates": tuple(entry.skip_dates),
    }
    if reader.failed:
        return None
    try:
        timing = Timing(**parts, timezone=entry.timezone, jitter=entry.jitter or timedelta())
    except (TimingError, ZoneError) as error:
        findings.fault((*path, _culprit(str(error), raw)), str(error))
        return None
    _check_jitter(timing, path, findings)
    text = after_text(after) if after else _text(raw)
    return When(timing=timing, text=text, revision=_revision(entry, timing, after), after=after)


def _raw(path: Path, findings: Findings) -> dict[str, Any]:
    section, index = path
    raw: dict[str, Any] = findings.document.value[section][index]
    return raw


def _has_one_pattern(entry: ClockEntry, raw: dict[str, Any], path: Path, findings: Findings) -> bool:
    patterns = PATTERNS if isinstance(entry, ScheduleEntry) else CLOCKS
    given = [key for key in patterns if raw.get(key) is not None]
    if not given:
        findings.fault(path, "it is not said when it is due; write one of cron, every, at and after")
    elif len(given) > 1:
        findings.fault((*path, given[1]), f'"{given[0]}" says already when it is due; keep one of them', at_key=True)
    # What stands there may be unusable, and is a fault already.
    return len(given) == 1 and getattr(entry, given[0]) is not None


class _Reader:
    """Reads the values that hang on the zone; `failed` tells whether one could not be."""

    def __init__(self, entry: ClockEntry, path: Path, findings: Findings) -> None:
        self.failed = False
        self._entry = entry
        self._path = path
        self._findings = findings

    def crons(self) -> tuple[Cron, ...]:
        """Read the cron expressions."""
        entry, found = self._entry, []
        for index, expression in enumerate(entry.cron or []):
            hash_id = entry.name if is_hashed(expression) else None
            try:
                found.append(_cron(expression, entry.timezone, entry.dst.gap, entry.dst.fold, entry.seconds, hash_id))
            except CronError as error:
                self._fail((*self._path, "cron", index), error)
        return tuple(found)

    def moments(self) -> tuple[datetime, ...]:
        """Read the instants of `at`."""
        read = [self.moment(local, (*self._path, "at", index)) for index, local in enumerate(self._entry.at or [])]
        return tuple(moment for moment in read if moment is not None)

    def moment(self, local: LocalTime | None, path: Path, *, last: bool = False) -> datetime | None:
        """Read one instant; with `last`, a date alone is its end."""
        if local is None:
            return None
        moment = datetime.combine(local.value, LAST_MOMENT) if last and local.whole_day else local.value
        if moment.tzinfo is not None:
            return moment
        entry = self._entry
        try:
            return resolve_local(moment, entry.timezone, gap=entry.dst.gap, fold=entry.dst.fold)
        except ZoneError as error:
            self._fail(path, error)
            return None

    def _fail(self, path: Path, error: Exception) -> None:
        self.failed = True
        self._findings.fault(path, str(error))


# Thousands of schedules share a few hundred expressions.
@lru_cache(maxsize=16_384)
def _cron(expression: str, timezone: str, gap: Gap, fold: Fold, seconds: bool, hash_id: str | None) -> Cron:  # noqa: FBT001 - lru_cache is told by position
    return Cron(expression, timezone, gap=gap, fold=fold, seconds=seconds, hash_id=hash_id)


def _culprit(message: str, raw: dict[str, Any]) -> str:
    """Find the key that a sentence about the whole timing begins with."""
    word = message.split(maxsplit=1)[0]
    return word if word in raw else next(key for key in PATTERNS if key in raw)


def _check_jitter(timing: Timing, path: Path, findings: Findings) -> None:
    if not timing.jitter:
        return
    # Timing.period would also look back, which takes several times as long.
    first = timing.next(_AROUND)
    second = timing.next(first) if first else None
    if first and second and timing.jitter > second - first:
        length, distance = format_duration(timing.jitter), format_duration(second - first)
        findings.warn(
            (*path, "jitter"), f"{length} is longer than the {distance} between fires: runs may change places"
        )


def _text(raw: dict[str, Any]) -> str:
    key = next(key for key in PATTERNS if raw.get(key) is not None)
    given = raw[key] if isinstance(raw[key], list) else [raw[key]]
    words = ", ".join(str(item).strip() for item in given)
    return words if key == "cron" else f"{key} {words}"


def _revision(entry: ClockEntry, timing: Timing, after: After | None) -> str:
    """Hash all that decides the fire times, and nothing else: the jitter only moves starts."""
    parts: list[Any] = [
        [" ".join(cron.expression.split()) for cron in timing.crons],
        timing.every and timing.every.total_seconds(),
        timing.at,
        timing.timezone,
        [entry.dst.gap, entry.dst.fold, entry.seconds],
        [timing.start_time, timing.end_time],
        timing.skip_dates,
    ]
    parts += [after_parts(after)] if after else []
    return sha256(json.dumps(parts, default=_stable).encode()).hexdigest()[:_REVISION]


def _stable(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
