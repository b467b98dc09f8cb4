"""What is wrong with the expressions of a configuration, as far as it can be told before they are needed."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jinja2 import UndefinedError
from jinja2.runtime import Context

from worker.render.expression import context_of, expression
from worker.render.grammar import (
    FOLLOWER_NAMES,
    HOOK_NAMES,
    ITEM_NAMES,
    SCHEDULE_NAMES,
    SWEEP_NAMES,
    ExpressionError,
    check_names,
    has_expression,
)
from worker.render.plain import to_json

Path = tuple[str | int, ...]

KEY_FAULT = "a key has to be a text, and cannot hold an expression"
"""The one sentence that is about the last key of its path, not about the value there."""

_ALL_NAMES = SCHEDULE_NAMES | FOLLOWER_NAMES | SWEEP_NAMES | HOOK_NAMES | ITEM_NAMES


def expression_faults(
    config: Mapping[str, Any], known: Collection[str] = _ALL_NAMES, sample: Mapping[str, Any] | None = None
) -> list[tuple[Path, str]]:
    """Find everything in a configuration that could not be rendered: path and sentence, in the order of the text.

    Expressions may use the names in `known`. With a `sample` context they are also tried out, to find misspelt
    attributes; what else goes wrong then may be a matter of the sample's values, and is no fault.
    """
    trial = None if sample is None else context_of(sample)
    return list(_faults(config, _Rules(known, trial), ()))


def expression_doubts(config: Any, sample: Mapping[str, Any], without: Mapping[str, Any]) -> Iterator[Path]:
    """Find the expressions that work with a `sample`, and no longer `without`, which replaces some of its values."""
    used, missing = context_of(sample), context_of({**sample, **without})
    for path, text in _texts(config, ()):
        try:
            doubtful = without.keys() & expression(text).names and _works(text, used) and not _works(text, missing)
        except ExpressionError:
            continue  # it is among the faults
        if doubtful:
            yield path


def used_names(config: Any) -> frozenset[str]:
    """Give the names of the context that the expressions of a configuration use, as far as they can be read."""
    found: set[str] = set()
    for _, text in _texts(config, ()):
        with suppress(ExpressionError):
            found |= expression(text).names
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What an expression is held against."""

    known: Collection[str]
    trial: Context | None


def _faults(value: Any, rules: _Rules, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str) or has_expression(key):
                yield (*path, key), KEY_FAULT
            yield from _faults(item, rules, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _faults(item, rules, (*path, index))
    else:
        try:
            _check_leaf(value, rules)
        except ExpressionError as error:
            yield path, str(error)


def _check_leaf(value: Any, rules: _Rules) -> None:
    if not isinstance(value, str) or not has_expression(value):
        to_json(value)
        return
    compiled = expression(value)
    check_names(compiled.names, rules.known)
    if rules.trial is not None:
        try:
            to_json(compiled.value(rules.trial))
        except UndefinedError as error:
            raise ExpressionError(str(error)) from error
        except Exception:  # noqa: S110 - see expression_faults
            pass


def _works(text: str, context: Context) -> bool:
    try:
        to_json(expression(text).value(context))
    except Exception:  # an expression can raise whatever Python can
        return False
    return True


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Give every text with expressions in it."""
    if isinstance(value, str):
        if has_expression(value):
            yield path, value
    elif isinstance(value, (Mapping, list)):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _texts(item, (*path, key))
