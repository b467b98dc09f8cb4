"""What schemathesis loads: each call comes from an address of its own, and none waits for long.

The calls have wrong keys among them, on purpose; from one address, they would soon be locked out.
"""

from itertools import count
from typing import Any

import schemathesis

LONGEST_WAIT = 60

_number = count(1)


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """Change a call just before it is sent."""
    number = next(_number)
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    case.headers = {**(case.headers or {}), "X-Forwarded-For": address}
    wait = (case.query or {}).get("wait")
    if isinstance(wait, int | float) and 0 < wait <= LONGEST_WAIT:
        case.query["wait"] = 0.01
