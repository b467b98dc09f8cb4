"""The grammar of cron expressions: from what a person wrote to plain numbers, or to a sentence saying what is wrong.

croniter reads expressions too, but more loosely than Vixie cron: it takes `7-7` for the whole week, `5-5` for every
minute, `22-2` for a range over midnight, and hashes `H` with a checksum that puts neighbours side by side. So the
fields are read here, and croniter gets lists of numbers, about which there are no two opinions.
"""

import re
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import chain

from worker.domain.nearest import did_you_mean


class CronError(ValueError):
    """A cron expression that cannot be used; `str()` names the field and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """A cron expression that was read: `numbers` for croniter, `fixed_time` for the rules about gaps and folds."""

    numbers: str
    """Five fields or, with seconds, six: `*`, `*/n`, or numbers with commas; `l`, `l5` and `5#2` for days."""
    fixed_time: bool
    """Neither the minute nor the hour field begins with `*` (Vixie's rule, by the letter, so that `0-59` is fixed)."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str  # also salts the hash of H: a new name would move every hashed schedule
    low: int
    high: int
    names: tuple[str, ...] = ()  # the first stands for `low`
    hash_high: int = 0  # where H ends, if not at `high`


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31, hash_high=28)  # as in Jenkins: a day that every month has
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of week", 0, 7, _DAYS, hash_high=6)  # 0 and 7 are both Sunday
_SECOND = _Field("second", 0, 59)
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY, _SECOND)

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_STAR = re.compile(r"\*(?:/(\d+))?", re.ASCII)
_RANGE = re.compile(r"(\w+)(?:-(\w+))?(?:/(\d+))?", re.ASCII)
_HASH = re.compile(r"H(?:\((\d+)-(\d+)\))?(?:/(\d+))?", re.ASCII)
_NTH_WEEKDAY = re.compile(r"(\w+)#(\w+)", re.ASCII)
_LAST_WEEKDAY = re.compile(r"L(\w+)|(\w+)L", re.ASCII)
_HASHED = re.compile(r"(?<![a-z])h(?![a-z])", re.IGNORECASE)


def is_hashed(expression: str) -> bool:
    """Tell whether the expression contains an `H`, so that it means something else for every schedule."""
    return _HASHED.search(expression) is not None


def read_fields(expression: str, *, seconds: bool = False, hash_id: str | None = None) -> Fields:
    """Read a cron expression of five fields, of six with `seconds` (the sixth, the last), or a nickname (`@daily`).

    `H`, `H(1-10)`, `H/15` and `H(0-29)/10` stand for numbers derived from `hash_id`. Raises CronError.
    """
    texts = _split(expression, seconds=seconds)
    fields = [_field(field, text, hash_id) for field, text in zip(_FIELDS, texts, strict=False)]
    _check_days(day=fields[2], weekday=fields[4])
    return Fields(numbers=" ".join(fields), fixed_time=not (texts[0].startswith("*") or texts[1].startswith("*")))


def times_of_day(numbers: str) -> tuple[int, ...]:
    """Give the seconds of a day at which the minute, hour and second fields match, whatever the day."""
    minute, hour, _, _, _, *second = numbers.split()
    seconds = _members(_SECOND, second[0]) if second else [0]
    hours, minutes = _members(_HOUR, hour), _members(_MINUTE, minute)
    return tuple(h * 3600 + m * 60 + s for h in hours for m in minutes for s in seconds)


def _members(field: _Field, numbers: str) -> list[int]:
    return sorted(set(chain.from_iterable(map(int, _numbers(field, item, None)) for item in numbers.split(","))))


def _split(expression: str, *, seconds: bool) -> list[str]:
    if expression.strip().startswith("@"):
        return _nickname(expression.strip()).split()
    texts = expression.upper().split()
    if len(texts) == len(_FIELDS) and not seconds:
        raise CronError(f'"{expression}" has six fields; a sixth, the seconds, stands last and needs "seconds: true"')
    if not len(_FIELDS) - 1 <= len(texts) <= len(_FIELDS):
        raise CronError(
            f'"{expression}" has {len(texts)} fields, not the five: minute, hour, day of month, month, day of week'
        )
    return texts


def _nickname(word: str) -> str:
    name = word.lower()
    if name == "@reboot":
        raise CronError("@reboot has no fire times: what comes back after a restart is the schedule itself")
    if name.startswith("@every"):
        raise CronError('@every is no cron expression; write "every: 5m" in place of "cron:"')
    if name not in _NICKNAMES:
        raise CronError(f'"{word}" is not known{did_you_mean(word, _NICKNAMES)}')
    return _NICKNAMES[name]


def _field(field: _Field, text: str, hash_id: str | None) -> str:
    """Return one field in numbers; one that begins with `*` still does, for the rule about days hangs on it."""
    first, *others = ("*" if text == "?" and field in (_DAY, _WEEKDAY) else text).split(",")
    if field is _WEEKDAY and any(re.search(r"#|L", item) for item in (first, *others)):
        return ",".join(map(_nth_weekday, (first, *others)))
    read = partial(_numbers, field, hash_id=hash_id)
    numbers = list(chain.from_iterable(map(read, others)))
    if star := _STAR.fullmatch(first):
        read(first)  # for its faults
        return "*" if star[1] is None else ",".join((first, *numbers))
    return ",".join((*read(first), *numbers))


def _numbers(field: _Field, item: str, hash_id: str | None) -> list[str]:
    """Return what one item of a list stands for: `1-5/2` is 1, 3, 5."""
    if field is _DAY and item == "L":
        return ["l"]
    if star := _STAR.fullmatch(item):
        found = range(field.low, (field.hash_high if field is _WEEKDAY else field.high) + 1, _step(field, star[1]))
    elif hashed := _HASH.fullmatch(item):
        found = _hashed(field, hashed, hash_id)
    elif span := _RANGE.fullmatch(item):
        found = _range(field, span)
    else:
        raise CronError(f'{field.name} "{item}" cannot be read; write a number, a range 1-5, a list 1,3 or steps */5')
    return [str(number % 7 if field is _WEEKDAY else number) for number in found]


def _range(field: _Field, span: re.Match[str]) -> range:
    low = _value(field, span[1])
    if span[2] is None:
        # `5/15` runs to the end of the field, as in cronsim and croniter; Vixie cron does not take it.
        top = field.high if span[3] else low
        return range(low, top + 1, _step(field, span[3]))
    high = _value(field, span[2])
    if field is _WEEKDAY and span[2] == "SUN" and span[1] != "SUN":
        high = 7  # SAT-SUN is a weekend
    if low > high:
        raise CronError(
            f'{field.name} "{span[0]}" runs backwards; write {low}-{field.high},{field.low}-{high} if that is meant'
        )
    return range(low, high + 1, _step(field, span[3]))


def _hashed(field: _Field, match: re.Match[str], hash_id: str | None) -> range:
    if hash_id is None:
        raise CronError(f'{field.name} "{match[0]}" is hashed, which needs a name to hash; there is none here')
    low, high = field.low, field.hash_high or field.high
    if match[1] is not None:
        low, high = _value(field, match[1]), _value(field, match[2])
    if low > high:
        raise CronError(f'{field.name} "{match[0]}" runs backwards')
    number = int.from_bytes(sha256(f"{field.name}\n{hash_id}".encode()).digest()[:8])
    if match[3] is None:
        chosen = low + number % (high - low + 1)
        return range(chosen, chosen + 1)
    step = _step(field, match[3])
    return range(low + number % min(step, high - low + 1), high + 1, step)


def _nth_weekday(item: str) -> str:
    if nth := _NTH_WEEKDAY.fullmatch(item):
        if nth[2] not in {"1", "2", "3", "4", "5"}:
            raise CronError(f'day of week "{item}": a month has a weekday 1 to 5 times, not {nth[2]}')
        return f"{_value(_WEEKDAY, nth[1]) % 7}#{nth[2]}"
    if last := _LAST_WEEKDAY.fullmatch(item):
        return f"l{_value(_WEEKDAY, last[1] or last[2]) % 7}"
    raise CronError(f'day of week "{item}" cannot be read or stand beside # and L; write them as FRI#2,FRI#4 or FRIL')


def _check_days(*, day: str, weekday: str) -> None:
    # croniter joins FRI#2 with a day of the month by AND, where everything else is joined by OR.
    if re.search(r"#|l", weekday) and not day.startswith("*"):
        raise CronError("day of week with # or L cannot be combined with a day of month; make it two expressions")


def _value(field: _Field, word: str) -> int:
    if word in field.names:
        return field.low + field.names.index(word)
    if word.isdigit():
        if not field.low <= int(word) <= field.high:
            raise CronError(f"{field.name} {word} is out of range: {field.low} to {field.high}")
        return int(word)
    if field is _DAY and "W" in word:
        raise CronError(f'day of month "{word}": W, the nearest working day, is not supported; list the days')
    if not field.names:
        raise CronError(f'{field.name} "{word}" is not a number from {field.low} to {field.high}')
    raise CronError(f'{field.name} "{word}" is not known{did_you_mean(word, field.names)}')


def _step(field: _Field, text: str | None) -> int:
    if text is not None and int(text) == 0:
        raise CronError(f"{field.name}: a step of 0 leads nowhere; write at least /1")
    return int(text or 1)
