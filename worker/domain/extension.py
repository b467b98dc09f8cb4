"""Makes a sweep larger under way: the trials that there are keep their numbers, and further ones follow."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain

from worker.domain.axes import Axis, axes_of
from worker.domain.distributions import Distribution, IntUniform, QUniform, as_written
from worker.domain.grid import COUNTED
from worker.domain.jsonvalues import canonical
from worker.domain.sweep import Sweep
from worker.domain.sweepparts import Method

MOST_TIMES = 20
"""A grid can be extended so often: each time it looks into all that it was."""

_MAY_DIFFER = ("run_cap", "max_parallel", "budget", "stop_when", "metric", "metrics", "before")
"""What does not decide which trials there are; the metrics are compared without their targets."""


def extend(old: Sweep, new: Sweep) -> Sweep:
    """Give the sweep that begins with the trials of `old` and goes on with those of `new` that `old` has not.

    `max_parallel`, `budget`, `stop_when` and the target of the metric are those of `new`. Raises ValueError with a
    sentence where `new` is not `old` made larger.
    """
    if old.method is not new.method:
        raise ValueError(f"the method was {old.method} and is {new.method}; that is another sweep")
    if old.method is Method.LHS:
        raise ValueError("an lhs sweep has as many strata as trials and cannot be extended; use method: sobol")
    if new.before is not None:
        raise ValueError("what is added has been extended itself; extend by a definition as it is written")
    if (old.run_cap or new.run_cap) and not _is_larger(old, new):
        raise ValueError(f"run_cap was {_cap(old)} and is {_cap(new)}; an extension takes no trial away")
    return _EXTEND.get(old.method, _same)(old, new)


def _is_larger(old: Sweep, new: Sweep) -> bool:
    return new.run_cap is None or new.run_cap >= (old.run_cap if old.run_cap is not None else old.size)


def _cap(sweep: Sweep) -> str:
    return str(sweep.run_cap or f"left out, for {sweep.size} trials")


def _same(old: Sweep, new: Sweep, *allowed: str) -> Sweep:
    """Check that nothing differs but what may."""
    before, after = _compared(old), _compared(new)
    for word in chain(before, (word for word in after if word not in before)):
        if word not in allowed and before.get(word) != after.get(word):
            raise ValueError(f"{word} is another; only a larger run_cap, or more values, extend a sweep")
    return replace(new, before=old.before)


def _compared(sweep: Sweep) -> dict[str, str]:
    definition = sweep.definition()
    kept = {word: canonical(value) for word, value in definition.items() if word not in _MAY_DIFFER}
    # The order of the parameters is that of the trials.
    kept["parameters"] = canonical(list(definition.get("parameters", {}).items()))
    metrics = [{"name": metric.name, "goal": metric.goal.value} for metric in sweep.metrics]
    return kept | {"metrics": canonical(metrics)}


def _list(old: Sweep, new: Sweep) -> Sweep:
    _same(old, new, "points")
    if canonical(list(new.points[: len(old.points)])) != canonical(list(old.points)):
        raise ValueError("the points that there were have changed; add further ones behind them")
    return new


def _grid(old: Sweep, new: Sweep) -> Sweep:
    if _compared(old)["parameters"] == _compared(new)["parameters"]:
        return _same(old, new)
    _same(old, new, "parameters")
    _check_parameters(old, new)
    for before, after in zip(axes_of(old.parameters, old.zip), axes_of(new.parameters, new.zip), strict=True):
        _check_values(before, after)
    if _times(old.before) >= MOST_TIMES:
        raise ValueError(f"it was extended {MOST_TIMES} times already; start another sweep")
    if new.run_cap is None and _points(new) > COUNTED:
        raise ValueError(f"the grid has more than {COUNTED} points; say with run_cap how many trials to run in all")
    return replace(new, before=old)


def _check_parameters(old: Sweep, new: Sweep) -> None:
    for name in new.parameters:
        if name not in old.parameters:
            raise ValueError(f"{name} is a new parameter, which the trials that there are have not")
    if list(old.parameters) != list(new.parameters):
        gone = [name for name in old.parameters if name not in new.parameters]
        raise ValueError(f"{gone[0]} is left out" if gone else "the parameters stand in another order")
    for name in old.parameters:
        if old.when.get(name) != new.when.get(name):
            raise ValueError(f"when of {name} is another; only more values, or a larger run_cap, extend a grid")


def _check_values(old: Axis, new: Axis) -> None:
    name = ", ".join(old.members)
    if len(old.members) == 1 and _covers(old.members[name], new.members[name]):
        return
    if old.count > COUNTED:
        raise ValueError(f"{name} has too many values to compare; extend it by larger bounds of the same distribution")
    for position in range(old.count):
        values = old.values(position)
        if new.locate(values) is None:
            words = ", ".join(map(canonical, values.values()))
            raise ValueError(f"{name} has no longer the value {words}; an extension only adds values")


def _covers(old: Distribution, new: Distribution) -> bool:
    """Tell whether a range has all values of another, without a look at each."""
    if isinstance(old, IntUniform) and isinstance(new, IntUniform):
        return new.low <= old.low and old.high <= new.high
    if isinstance(old, QUniform) and isinstance(new, QUniform):
        q, low = as_written(new.q), as_written(new.low)
        first, step = as_written(old.low), as_written(old.q)
        last = first + (old.count - 1) * step
        return not ((first - low) % q or step % q) and low <= first and last <= low + (new.count - 1) * q
    return False


def _points(sweep: Sweep) -> int:
    count = 1
    for axis in axes_of(sweep.parameters, sweep.zip):
        count *= axis.count
    return count


def _times(sweep: Sweep | None) -> int:
    return 0 if sweep is None else 1 + _times(sweep.before)


_EXTEND: Mapping[Method, Callable[[Sweep, Sweep], Sweep]] = {Method.GRID: _grid, Method.LIST: _list}
