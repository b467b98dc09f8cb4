"""One text with expressions in it: compiled once, and run as often as it is needed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.runtime import Context

from worker.render.grammar import ExpressionError, parse
from worker.render.sandbox import LONGEST_TEXT, SANDBOX

_RESULT = "result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
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


# A thousand schedules mostly differ in a few expressions; compiling one takes some 300 microseconds.
@lru_cache(maxsize=16_384)
def expression(text: str) -> Expression:
    """Compile a text, or find it compiled already. Raises ExpressionError."""
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
    return Expression(run=template.root_render_func, whole=parsed.whole is not None, names=parsed.names)


def context_of(values: Mapping[str, Any]) -> Context:
    """Make of names and values what an expression runs in."""
    return Context(SANDBOX, {**SANDBOX.globals, **values}, None, {})
