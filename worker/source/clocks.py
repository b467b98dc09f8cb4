"""Times of day in a schedule file, and what is made of them: deadlines and quiet hours."""

import re
from datetime import time
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from worker.domain.deadline import Deadline
from worker.domain.duration import DurationError, parse_duration

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_AFTER_FIRE = re.compile(r"\s+after\s+fire$", re.ASCII)
_CLOCK_SCHEMA = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"


def _deadline(value: object) -> Deadline:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("has to be a time of day such as 06:00, or a length of time such as 2h")  # noqa: TRY004 - pydantic's protocol
    text = str(value).strip()
    if ":" in text:
        return Deadline(at=_clock(text))
    try:
        after = parse_duration(_AFTER_FIRE.sub("", text))
    except DurationError as error:
        raise ValueError(f'"{text}" is neither a time of day such as 06:00 nor a length of time such as 2h') from error
    if not after:
        raise ValueError("has to be longer than 0s")
    return Deadline(after=after)


def _quiet(value: object) -> tuple[time, time]:
    begin, dash, end = str(value).partition("-")
    if not isinstance(value, str) or not dash:
        raise ValueError("has to be a span of the day, such as 22:00-07:00")
    span = _clock(begin.strip()), _clock(end.strip())
    if span[0] == span[1]:
        raise ValueError("ends when it begins; to tell nobody at all, write notify: none")
    return span


def _clock(text: str) -> time:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a time of day; write it as 06:00, from 00:00 to 23:59')
    hour, minute, second = found.groups("0")
    return time(int(hour), int(minute), int(second))


DeadlineEntry = Annotated[
    Deadline,
    PlainValidator(_deadline),
    WithJsonSchema(
        {
            "oneOf": [
                {
                    "type": "string",
                    "pattern": rf"^\s*({_CLOCK_SCHEMA}|([0-9.]+\s*(ms|[wdhms])?\s*)+(\s+after\s+fire)?)\s*$",
                },
                {"type": "number", "exclusiveMinimum": 0, "description": "Seconds after the fire."},
            ],
            "examples": ["06:00", "2h", "2h after fire"],
        }
    ),
]
QuietHours = Annotated[
    tuple[time, time],
    PlainValidator(_quiet),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^\s*{_CLOCK_SCHEMA}\s*-\s*{_CLOCK_SCHEMA}\s*$",
            "examples": ["22:00-07:00"],
        }
    ),
]
