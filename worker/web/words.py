"""How values are told on a page."""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import yaml

from worker.domain.duration import length_in_words, roughly
from worker.domain.moments import distance
from worker.domain.results import Result
from worker.domain.zones import find_zone

KEY = re.compile(r"zb_[a-z0-9]{12}_[\w\-]{8,}|zen(?:pro)?key_[\w.\-]{8,}")
"""Of letters alone that no markup is made of, so that a whole page can be looked through."""


def whole(number: float) -> str:
    """Write a number with its thousands apart."""
    return f"{number:,.0f}"


def lasting(value: float | timedelta | None) -> str:
    """Tell how long something takes; `value` in seconds or as a length, "" for None."""
    if value is None:
        return ""
    return length_in_words(value.total_seconds() if isinstance(value, timedelta) else value)


def brief(seconds: float) -> str:
    """Tell how long something short takes: `8 ms`, `1.5 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def rate(number: float) -> str:
    """Write how many of something come in a time, as exactly as matters: `0.4`, `24`, `1,200`."""
    return whole(number) if number >= 10 else f"{number:.1f}".removesuffix(".0")


def iso(moment: datetime) -> str:
    """Write an instant as scripts read it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def utc(moment: datetime) -> str:
    """Write an instant for people whose zone is not known; scripts put their own in its place."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def on_clock(moment: datetime, timezone: str) -> str:
    """Write an instant on the clock of a zone, with the zone's short name."""
    local = moment.astimezone(find_zone(timezone))
    return f"{local:%a %Y-%m-%d %H:%M:%S} {local.tzname() or ''}".rstrip()


def local(moment: datetime, timezone: str) -> str:
    """Write an instant on the clock of a zone, as a field for local times takes it."""
    return f"{moment.astimezone(find_zone(timezone)):%Y-%m-%dT%H:%M}"


def as_yaml(value: Any) -> str:
    """Write plain values as YAML, however long a line becomes: an expression that is broken up is hard to read."""
    plain = orjson.loads(orjson.dumps(value, default=str))
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, default_flow_style=False, width=math.inf)
    return text


LONGEST_CELL = 60
"""Characters of a value in a table."""


def cell(value: Any) -> str:
    """Tell a value in a cell: six digits of a number, lists and mappings as JSON, the beginning of what is long."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_CELL else f"{line[: LONGEST_CELL - 1]}…"


def web(address: str) -> str:
    """Give an address that may be followed: what is no web address, such as a script, leads nowhere."""
    try:
        scheme = urlsplit(address).scheme
    except ValueError:  # such as http://[
        return "#"
    return address if scheme in {"http", "https"} else "#"


def sentence(text: str) -> str:
    """Begin a text with a capital letter, as sentences that stand alone do; what is no letter stays."""
    return text[:1].upper() + text[1:]


def blotted(text: str) -> str:
    """Blot out keys of ours and of ZenML, wherever somebody has put them by mistake: others look at pages, too."""
    return KEY.sub("***", text)


def tally(results: Sequence[Result]) -> str:
    """Count how runs ended: `12 completed, 1 failed`."""
    counts = Counter(result.fate for result in results)
    return ", ".join(f"{count} {fate}" for fate, count in counts.most_common())


FILTERS: Mapping[str, Callable[..., str]] = {
    "whole": whole,
    "lasting": lasting,  # `length` is Jinja's own, and counts
    "brief": brief,
    "rate": rate,
    "iso": iso,
    "utc": utc,
    "on_clock": on_clock,
    "local": local,
    "as_yaml": as_yaml,
    "tally": tally,
    "web": web,
    "sentence": sentence,
    "cell": cell,
    "roughly": roughly,
    "distance": lambda moment, now: distance(moment - now),
}
