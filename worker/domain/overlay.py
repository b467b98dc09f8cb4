"""Lays dotted parameters over a run configuration: `steps.trainer.parameters.lr` leads to the value it replaces.

A name with a dot is a path. A name without one goes to the templates alone, as `params.<name>`.
"""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

from worker.domain.errors import Fault, InvalidInput
from worker.domain.jsonvalues import describe


def overlay(config: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Set each dotted path of `params` in a copy of `config`, which stays as it is.

    What is missing on the way, or null, becomes a mapping. Branches off the paths are shared with `config`.
    Raises InvalidInput with every path that leads through something else than a mapping.
    """
    result = dict(config)
    faults = [fault for name, value in params.items() if "." in name and (fault := _set(result, name, value))]
    if faults:
        raise InvalidInput(faults)
    return result


def path_clashes(names: Iterable[str]) -> dict[str, str]:
    """Find the paths that lead through another of them: {path: the other}."""
    paths = dict.fromkeys(name for name in names if "." in name)
    return {path: way for path in paths for way in accumulate(path.split(".")[:-1], "{}.{}".format) if way in paths}


def _set(config: dict[str, Any], name: str, value: Any) -> Fault | None:
    *way, last = name.split(".")
    node = config
    for depth, step in enumerate(way, start=1):
        inner = node.get(step)
        if inner is not None and not isinstance(inner, Mapping):
            place = ".".join(way[:depth])
            message = f"the parameter leads through {place}, which is {describe(inner)} and not a mapping"
            return Fault(path=name, message=message)
        node[step] = dict(inner or {})  # a copy: the branch belongs to the caller
        node = node[step]
    node[last] = value
    return None
