"""The types of values in a schedule file, each with the sentence for what does not fit."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from worker.domain.duration import parse_duration
from worker.domain.timing import DateSpan
from worker.domain.zones import find_zone


class Strict(BaseModel):
    """A mapping in a file: nothing is guessed, and no key is overlooked."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A time as it stands in the file: without an offset it is a time on the clock of the schedule's zone."""

    text: str
    value: datetime
    whole_day: bool
    """It is a date alone."""


def _duration(value: object) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("has to be a length of time, such as 90s or 1h30m")  # noqa: TRY004 - pydantic's protocol
    return _parsed(value)


def _length(value: object) -> timedelta:
    length = _duration(value)
    if not length:
        raise ValueError("has to be longer than 0s")
    return length


# Thousands of schedules share a few lengths.
_parsed = lru_cache(maxsize=1024, typed=True)(parse_duration)


def _local_time(value: object) -> LocalTime:
    text = _text(value, "a time, such as 2026-12-01T08:00")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f'"{text}" is not a time; write it as 2026-12-01T08:00 or 2026-12-01') from error
    return LocalTime(text, moment, _is_date(text))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _skipped(value: object) -> date | DateSpan:
    text = _text(value, "a date, such as 2026-12-24")
    first, slash, last = text.partition("/")
    try:
        begin = date.fromisoformat(first)
        return (begin, date.fromisoformat(last)) if slash else begin
    except ValueError as error:
        raise ValueError(f'"{text}" is not a date; write 2026-12-24, or 2026-12-24/2027-01-06 for a span') from error


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"has to be {what}")  # noqa: TRY004 - pydantic's protocol
    return value.strip()


def _zone(value: str) -> str:
    find_zone(value)
    return value


def listed(value: Any) -> Any:
    """Make a list of what stands alone."""
    return value if isinstance(value, list) or value is None else [value]


def one_or_more(item: dict[str, Any]) -> WithJsonSchema:
    """Give the schema of a value that may stand alone or in a list."""
    return WithJsonSchema({"oneOf": [item, {"type": "array", "items": item, "minItems": 1}]})


_TIME = {"type": "string", "examples": ["2026-12-01T08:00", "2026-12-01", "2026-12-01T08:00:00Z"]}
DURATION = {
    "oneOf": [
        {"type": "string", "pattern": r"^\s*[0-9.]+(\s*(ms|[wdhms]))?(\s*[0-9.]+\s*(ms|[wdhms]))*\s*$"},
        {"type": "number", "minimum": 0, "description": "Seconds."},
    ],
    "examples": ["90s", "5m", "1h30m", "1d"],
}
_CRON = {"type": "string", "examples": ["0 2 * * *", "*/15 9-17 * * MON-FRI", "H H * * *", "@daily"]}
_SKIPPED = {"type": "string", "examples": ["2026-12-24", "2026-12-24/2027-01-06"]}

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=200)]
Reference = Annotated[str, Field(min_length=1, max_length=255)]
Duration = Annotated[timedelta, PlainValidator(_duration), WithJsonSchema(DURATION)]
Length = Annotated[timedelta, PlainValidator(_length), WithJsonSchema(DURATION)]
"""A duration, and not 0."""
Moment = Annotated[LocalTime, PlainValidator(_local_time), WithJsonSchema(_TIME)]
Moments = Annotated[list[Moment], BeforeValidator(listed), Field(min_length=1), one_or_more(_TIME)]
Expressions = Annotated[list[str], BeforeValidator(listed), Field(min_length=1), one_or_more(_CRON)]
SkippedDays = Annotated[
    list[Annotated[date | DateSpan, PlainValidator(_skipped)]],
    BeforeValidator(listed),
    one_or_more(_SKIPPED),
]
Zone = Annotated[str, AfterValidator(_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Berlin", "UTC"]})]

LAST_MOMENT = time.max
"""The end of a day, where a date stands for the whole of it."""
