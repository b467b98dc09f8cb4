"""A run configuration with expressions in it, compiled once and rendered for every fire."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError
from jinja2.runtime import Context

from worker.domain.errors import Fault, InvalidInput
from worker.render.checks import Path, expression_faults
from worker.render.expression import Expression, context_of, expression
from worker.render.grammar import ExpressionError, has_expression
from worker.render.plain import json_length, to_json

LONGEST_BODY = 1_048_576
"""Characters that all expressions of a body make together."""


class RenderError(InvalidInput):
    """A configuration that cannot be compiled or rendered; each fault has the dotted path of the value."""


@dataclass(frozen=True, slots=True)
class _Branch:
    """A mapping or list with expressions somewhere in it: what is fixed, and what is to be rendered."""

    fixed: dict[str, Any] | list[Any]
    moving: tuple[tuple[str | int, "_Branch | Expression"], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A configuration ready to be rendered. It holds no state, so that threads and fires can share it."""

    root: _Branch
    names: frozenset[str]
    """The names of the context that it uses."""

    def render(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Compute the body. It fits into JSON; parts without expressions are shared, so do not change them in place.

        A value in `context` that can be called is asked only if an expression uses it. Raises RenderError.
        """
        used = {name: _ask(context[name]) for name in self.names if name in context}
        body: dict[str, Any] = _render(self.root, context_of(used), (), [LONGEST_BODY])
        return body


def compile_config(config: Mapping[str, Any]) -> Compiled:
    """Compile a configuration, or find it compiled already. Raises RenderError with every fault."""
    # The text of a configuration is found in microseconds, and tells 1 from 1.0 and from true.
    text = repr(config)
    compiled = _compiled.get(text)
    if compiled is None:
        faults = [Fault(message=message, path=_dotted(path)) for path, message in expression_faults(config)]
        if faults:
            raise RenderError(faults)
        root = _branch(config)
        compiled = Compiled(root=root, names=frozenset(_names(root)))
        if len(_compiled) >= _MOST_COMPILED:
            _compiled.clear()
        _compiled[text] = compiled
    return compiled


_compiled: dict[str, Compiled] = {}
_MOST_COMPILED = 4_096


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one configuration over another, key by key; anything but a mapping is replaced as a whole, lists too."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _branch(value: Mapping[str, Any] | list[Any]) -> _Branch:
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    fixed: list[tuple[str | int, Any]] = []
    moving: list[tuple[str | int, _Branch | Expression]] = []
    for key, item in pairs:
        made: Any = item
        if isinstance(item, (Mapping, list)):
            made = _branch(item)
            made = made if made.moving else made.fixed
        elif isinstance(item, str) and has_expression(item):
            made = expression(item)
        if isinstance(made, (_Branch, Expression)):
            moving.append((key, made))
            made = None  # keeps the place, so that the order of the text is kept
        fixed.append((key, made))
    whole: Any = dict(fixed) if isinstance(value, Mapping) else [item for _, item in fixed]
    return _Branch(whole, tuple(moving))


def _names(part: _Branch | Expression) -> Iterator[str]:
    if isinstance(part, Expression):
        yield from part.names
        return
    for _, item in part.moving:
        yield from _names(item)


def _render(branch: _Branch, context: Context, path: Path, room: list[int]) -> Any:
    made: Any = branch.fixed.copy()
    for key, part in branch.moving:
        here = (*path, key)
        if isinstance(part, _Branch):
            made[key] = _render(part, context, here, room)
        else:
            made[key] = _evaluate(part, context, here, room)
    return made


def _evaluate(part: Expression, context: Context, path: Path, room: list[int]) -> Any:
    try:
        value = to_json(part.value(context))
        room[0] -= json_length(value)
        if room[0] < 0:
            raise ExpressionError(f"the expressions make more than {LONGEST_BODY} characters in all")
    # An expression can raise whatever Python can: ZeroDivisionError, TypeError, OverflowError …
    except Exception as error:
        raise RenderError([Fault(message=_sentence(error), path=_dotted(path))]) from error
    return value


def _ask(value: Any) -> Any:
    return value() if callable(value) else value


def _sentence(error: Exception) -> str:
    words = str(error) or type(error).__name__
    known = isinstance(error, (ExpressionError, TemplateError))
    return words if known else f"the expression fails: {words}"


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
