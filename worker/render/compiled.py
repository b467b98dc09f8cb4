"""A run configuration with expressions in it, compiled once and rendered for every fire."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError, UndefinedError, nodes
from jinja2.runtime import Context

from worker.domain.errors import Fault, InvalidInput
from worker.render.grammar import SCHEDULE_NAMES, SWEEP_NAMES, ExpressionError, check_names, has_expression, parse
from worker.render.plain import json_length, to_json
from worker.render.sandbox import LONGEST_TEXT, SANDBOX

Path = tuple[str | int, ...]

LONGEST_BODY = 1_048_576
"""Characters that all expressions of a body make together."""

KEY_FAULT = "a key has to be a text, and cannot hold an expression"
"""The one sentence that is about the last key of its path, not about the value there."""

_ALL_NAMES = SCHEDULE_NAMES | SWEEP_NAMES
_RESULT = "result"


class RenderError(InvalidInput):
    """A configuration that cannot be compiled or rendered; each fault has the dotted path of the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expression:
    """One text with expressions in it, ready to run."""

    run: Callable[[Context], Iterator[str]]
    whole: bool
    names: frozenset[str]

    def value(self, context: Context) -> Any:
        """Compute the value: of any type for a whole expression, else a text."""
        parts = list(self.run(context))
        if self.whole:
            return context.vars.pop(_RESULT)
        length = sum(map(len, parts))
        if length > LONGEST_TEXT:
            raise ExpressionError(f"the text is too long: {length} characters, at most {LONGEST_TEXT}")
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class _Branch:
    """A mapping or list with expressions somewhere in it: what is fixed, and what is to be rendered."""

    fixed: dict[str, Any] | list[Any]
    moving: tuple[tuple[str | int, "_Branch | _Expression"], ...]


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
        body: dict[str, Any] = _render(self.root, _context(used), (), [LONGEST_BODY])
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


def expression_faults(
    config: Mapping[str, Any], known: Collection[str] = _ALL_NAMES, sample: Mapping[str, Any] | None = None
) -> list[tuple[Path, str]]:
    """Find everything in a configuration that could not be rendered: path and sentence, in the order of the text.

    Expressions may use the names in `known`. With a `sample` context they are also tried out, to find misspelt
    attributes; what else goes wrong then may be a matter of the sample's values, and is no fault.
    """
    trial = None if sample is None else _context(sample)
    return list(_faults(config, _Rules(known, trial), ()))


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one configuration over another, key by key; anything but a mapping is replaced as a whole, lists too."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


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
    expression = _expression(value)
    check_names(expression.names, rules.known)
    if rules.trial is not None:
        try:
            to_json(expression.value(rules.trial))
        except UndefinedError as error:
            raise ExpressionError(str(error)) from error
        except Exception:  # noqa: S110 - see expression_faults
            pass


# A thousand schedules mostly differ in a few expressions; compiling one takes some 300 microseconds.
@lru_cache(maxsize=16_384)
def _expression(text: str) -> _Expression:
    parsed = parse(text)
    tree = parsed.tree
    if parsed.whole is not None:
        target = nodes.Name(_RESULT, "store", lineno=1)
        tree = nodes.Template([nodes.Assign(target, parsed.whole, lineno=1)], lineno=1)
    try:
        template = SANDBOX.from_string(tree)
    # Python's own parser has limits too, for brackets in brackets.
    except (RecursionError, MemoryError) as error:
        raise ExpressionError("the expression is nested too deeply") from error
    # Jinja2 computes beforehand what needs no context, and fails beforehand too.
    except TemplateError as error:
        raise ExpressionError(str(error)) from error
    except SyntaxError as error:
        raise ExpressionError(f"the expression cannot be read: {error.msg}") from error
    return _Expression(run=template.root_render_func, whole=parsed.whole is not None, names=parsed.names)


def _context(values: Mapping[str, Any]) -> Context:
    return Context(SANDBOX, {**SANDBOX.globals, **values}, None, {})


def _branch(value: Mapping[str, Any] | list[Any]) -> _Branch:
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    fixed: list[tuple[str | int, Any]] = []
    moving: list[tuple[str | int, _Branch | _Expression]] = []
    for key, item in pairs:
        made: Any = item
        if isinstance(item, (Mapping, list)):
            made = _branch(item)
            made = made if made.moving else made.fixed
        elif isinstance(item, str) and has_expression(item):
            made = _expression(item)
        if isinstance(made, (_Branch, _Expression)):
            moving.append((key, made))
            made = None  # keeps the place, so that the order of the text is kept
        fixed.append((key, made))
    whole: Any = dict(fixed) if isinstance(value, Mapping) else [item for _, item in fixed]
    return _Branch(whole, tuple(moving))


def _names(part: _Branch | _Expression) -> Iterator[str]:
    if isinstance(part, _Expression):
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


def _evaluate(expression: _Expression, context: Context, path: Path, room: list[int]) -> Any:
    try:
        value = to_json(expression.value(context))
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
