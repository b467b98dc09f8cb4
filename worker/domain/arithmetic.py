"""Arithmetic that is the same on every machine, never large, and never an error: what cannot be computed is None.

Numbers are ints of at most `MOST_BITS` bits, finite floats, and true and false as 1 and 0. Python's own `**` and `sum`
of floats are not used, because they differ by libm and by version.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from operator import add, floordiv, mod, mul, sub, truediv
from typing import Any

MOST_BITS = 1024
"""The largest whole number; the largest float is as large."""

LARGEST_EXPONENT = 1024
MOST_DIGITS = 400
"""For `round`."""

Operation = Callable[[Any, Any], Any]
Function = Callable[..., Any]


def is_number(value: Any) -> bool:
    """Tell whether arithmetic takes a value."""
    return isinstance(value, int | float)


def bounded(value: Any) -> Any:
    """Give a number back if it is one, finite and not too large, else None."""
    if isinstance(value, int):
        return value if value.bit_length() <= MOST_BITS else None
    return value if isinstance(value, float) and isfinite(value) else None


def of_numbers(operation: Operation) -> Operation:
    """Make an operation on two numbers that gives None where it has no result."""

    def apply(left: Any, right: Any) -> Any:
        if not is_number(left) or not is_number(right):
            return None
        try:
            return bounded(operation(left, right))
        except (ArithmeticError, ValueError):
            return None

    return apply


def power(value: Any, exponent: Any) -> Any:
    """Raise to a whole exponent by multiplication alone: square and multiply, in one order for all."""
    if not is_number(value) or not isinstance(exponent, int) or abs(exponent) > LARGEST_EXPONENT:
        return None
    result: Any = 1
    left = abs(exponent)
    while left and result is not None:
        result = MULTIPLY(result, value) if left & 1 else result
        left >>= 1
        value = MULTIPLY(value, value) if left else value
    return DIVIDE(1, result) if exponent < 0 else result


ADD, MULTIPLY, DIVIDE = of_numbers(add), of_numbers(mul), of_numbers(truediv)
SUBTRACT, WHOLES, REST = of_numbers(sub), of_numbers(floordiv), of_numbers(mod)


def _abs(value: Any) -> Any:
    return abs(value) if is_number(value) else None


def _sum(values: Any) -> Any:
    if not isinstance(values, Sequence) or isinstance(values, str):
        return None
    total: Any = 0
    for value in values:
        total = ADD(total, value)
    return total


def _extreme(choose: Function) -> Function:
    def apply(*given: Any) -> Any:
        values = given[0] if len(given) == 1 else given
        try:
            return choose(values) if isinstance(values, list | tuple) else None
        except (TypeError, ValueError):
            return None

    return apply


def _len(value: Any) -> Any:
    return len(value) if isinstance(value, str | list | Mapping) else None


def _round(value: Any, digits: Any = None) -> Any:
    if bounded(value) is None or not (digits is None or (isinstance(digits, int) and abs(digits) <= MOST_DIGITS)):
        return None
    return bounded(round(value, digits))


def _int(value: Any) -> Any:
    return None if bounded(value) is None else int(value)


def _float(value: Any) -> Any:
    return ADD(value, 0.0)


FUNCTIONS: Mapping[str, tuple[Function, range]] = {
    "abs": (_abs, range(1, 2)),
    "min": (_extreme(min), range(1, 1001)),
    "max": (_extreme(max), range(1, 1001)),
    "sum": (_sum, range(1, 2)),
    "len": (_len, range(1, 2)),
    "round": (_round, range(1, 3)),
    "int": (_int, range(1, 2)),
    "float": (_float, range(1, 2)),
}
"""What a condition may call: the function, and how many values it takes."""
