"""How often somebody may call, as people write it: 600/min, none."""

import re

from worker.domain.errors import InvalidInput

NONE = 0
"""Any number of calls."""

MOST = 1_000_000
_FORM = re.compile(r"([0-9]{1,7})\s*/\s*min")


def parse_rate(text: str) -> int:
    """Read calls per minute: `600/min`, or `none` for any number, which is 0. Raises InvalidInput."""
    if text.strip() == "none":
        return NONE
    found = _FORM.fullmatch(text.strip())
    if found is None or not 1 <= int(found[1]) <= MOST:
        raise InvalidInput(f'"{text}" is no rate; write one such as 600/min, up to {MOST}/min, or none')
    return int(found[1])


def format_rate(per_minute: int) -> str:
    """Write calls per minute as `parse_rate` reads them."""
    return f"{per_minute}/min" if per_minute else "none"
