"""Conditions: expressions over the values of a trial, in Python's syntax, with nothing in them that could do harm.

The text is parsed, never run: what is not on the list is refused, the rest becomes closures. A condition always has an
answer, in bounded time. A comparison of what cannot be compared, such as a parameter that the trial has not with a
number, is false; so is one with a result that there is none of, such as 1 / 0 (see `worker.domain.arithmetic`).
"""

import ast
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from worker.domain.arithmetic import (
    ADD,
    DIVIDE,
    FUNCTIONS,
    MULTIPLY,
    REST,
    SUBTRACT,
    WHOLES,
    Operation,
    bounded,
    power,
)
from worker.domain.jsonvalues import scalar_fault
from worker.domain.nearest import did_you_mean, nearest

LONGEST = 1_000
"""Characters."""

DEEPEST = 100
"""Expressions inside one another; 1 + 1 + 1 are two."""

Values = Mapping[str, Any]
_Test = Callable[[Values], Any]

_ARITHMETIC: Mapping[type[ast.operator], Operation] = {
    ast.Add: ADD,
    ast.Sub: SUBTRACT,
    ast.Mult: MULTIPLY,
    ast.Div: DIVIDE,
    ast.FloorDiv: WHOLES,
    ast.Mod: REST,
    ast.Pow: power,
}
_COMPARISONS: Mapping[type[ast.cmpop], Operation] = {
    ast.Eq: eq,
    ast.NotEq: ne,
    ast.Lt: lt,
    ast.LtE: le,
    ast.Gt: gt,
    ast.GtE: ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_INSTEAD: Mapping[type[ast.AST], tuple[str, str]] = {
    ast.Is: ("is", "write =="),
    ast.IsNot: ("is not", "write !="),
    ast.BitAnd: ("&", "write and"),
    ast.BitOr: ("|", "write or"),
    ast.BitXor: ("^", "write ** for a power"),
    ast.Invert: ("~", "write not"),
}
_POSSIBLE = f"comparisons, and, or, not, in, + - * / // % **, if else, lists and {', '.join(FUNCTIONS)}"


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression that holds for some trials and not for others. Equal if the texts are."""

    text: str
    uses: frozenset[str] = field(default=frozenset(), compare=False)
    """The whole names that it reads."""
    _test: _Test = field(default=bool, compare=False, repr=False)

    def holds(self, values: Values) -> bool:
        """Tell whether it is true of these values, by whole names; a name without a value is None."""
        return bool(self._test(values))


def parse_condition(text: str, names: Iterable[str]) -> Condition:
    """Read an expression over `names`. Raises ValueError with a sentence.

    A name with dots is written as it is, or by its last word where no other name ends so; a slash is written as a dot.
    A name that Python would take for something else stands in params["…"].
    """
    compiler = _Compiler(names)
    test = compiler.compile(_parsed(text), 0)
    return Condition(text, frozenset(compiler.used), test)


def _parsed(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    if sentence := scalar_fault(text):
        raise ValueError(sentence)
    if not text.strip():
        raise ValueError("is empty")
    # Python would take a line break for the end.
    source = f"({text}\n)" if "\n" in text.strip() else text.strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a doubtful escape in a text, say
            return ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else "it is too deep, or has an impossible character"
        raise ValueError(f'"{text}" is not an expression: {why}') from None


class _Compiler:
    """Makes one closure of each node of an expression; `used` collects the names."""

    def __init__(self, names: Iterable[str]) -> None:
        self.used: set[str] = set()
        self._names = dict.fromkeys(names)
        self._ends: dict[str, list[str]] = {}
        for name in self._names:
            # val/loss is a name of a metric that no expression could have.
            dotted = name.replace("/", ".")
            for written in {dotted, dotted.rpartition(".")[2]}:
                self._ends.setdefault(written, []).append(name)
        self._kinds: Mapping[type[ast.AST], Callable[[Any, int], _Test]] = {
            ast.BoolOp: self._connection,
            ast.UnaryOp: self._sign,
            ast.BinOp: self._arithmetic,
            ast.Compare: self._comparison,
            ast.IfExp: self._choice,
            ast.Constant: self._literal,
            ast.List: self._list,
            ast.Tuple: self._list,
            ast.Call: self._call,
            ast.Name: self._name,
            ast.Attribute: self._name,
            ast.Subscript: self._quoted,
        }

    def compile(self, node: ast.AST, depth: int) -> _Test:
        """Make a closure of a node. Raises ValueError for one that is not possible."""
        if depth > DEEPEST:
            raise ValueError(f"is nested more than {DEEPEST} levels deep")
        kind = self._kinds.get(type(node))
        if kind is None:
            raise _impossible(node)
        return kind(node, depth + 1)

    def _connection(self, node: ast.BoolOp, depth: int) -> _Test:
        parts = [self.compile(part, depth) for part in node.values]
        if isinstance(node.op, ast.And):
            return lambda values: all(part(values) for part in parts)
        return lambda values: any(part(values) for part in parts)

    def _sign(self, node: ast.UnaryOp, depth: int) -> _Test:
        inner = self.compile(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return lambda values: not inner(values)
        if isinstance(node.op, ast.Invert):
            raise _impossible(node.op)
        factor = -1 if isinstance(node.op, ast.USub) else 1
        return lambda values: MULTIPLY(factor, inner(values))

    def _arithmetic(self, node: ast.BinOp, depth: int) -> _Test:
        operation = _ARITHMETIC.get(type(node.op))
        if operation is None:
            raise _impossible(node.op)
        left, right = self.compile(node.left, depth), self.compile(node.right, depth)
        return lambda values: operation(left(values), right(values))

    def _comparison(self, node: ast.Compare, depth: int) -> _Test:
        steps = []
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if type(operator) not in _COMPARISONS:
                raise _impossible(operator)
            steps.append((_COMPARISONS[type(operator)], self.compile(right, depth)))
        first = self.compile(node.left, depth)

        def test(values: Values) -> bool:
            left = first(values)
            for compare, inner in steps:
                right = inner(values)
                try:
                    if not compare(left, right):
                        return False
                except TypeError:
                    return False
                left = right
            return True

        return test

    def _choice(self, node: ast.IfExp, depth: int) -> _Test:
        test, yes, no = (self.compile(part, depth) for part in (node.test, node.body, node.orelse))
        return lambda values: yes(values) if test(values) else no(values)

    def _literal(self, node: ast.Constant, depth: int) -> _Test:  # noqa: ARG002 - as the others
        value = node.value
        if isinstance(value, bytes | complex) or value is Ellipsis:
            raise ValueError(f"{value!r:.40} is not possible; write a number, a text, True, False or None")
        if isinstance(value, int | float) and bounded(value) is None:
            raise ValueError("a number in it is too large")
        return lambda values: value  # noqa: ARG005

    def _list(self, node: ast.List | ast.Tuple, depth: int) -> _Test:
        # A tuple is a list: JSON, which the values come from, has no other.
        parts = [self.compile(part, depth) for part in node.elts]
        return lambda values: [part(values) for part in parts]

    def _call(self, node: ast.Call, depth: int) -> _Test:
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        if called not in FUNCTIONS:
            word = called or ast.unparse(node.func)[:40]
            hint = did_you_mean(word, FUNCTIONS) or f"; it may call {', '.join(FUNCTIONS)}"
            raise ValueError(f'"{word}" cannot be called{hint}')
        function, takes = FUNCTIONS[called]
        if node.keywords or len(node.args) not in takes:
            count = {1: "one value", 2: "one or two values"}.get(len(takes), "one value or more")
            raise ValueError(f"{called} takes {count}")
        parts = [self.compile(part, depth) for part in node.args]
        return lambda values: function(*(part(values) for part in parts))

    def _name(self, node: ast.Name | ast.Attribute, depth: int) -> _Test:  # noqa: ARG002 - as the others
        name = self._whole(_dotted(node))
        self.used.add(name)
        return lambda values: values.get(name)

    def _quoted(self, node: ast.Subscript, depth: int) -> _Test:  # noqa: ARG002 - as the others
        of, name = node.value, node.slice
        if isinstance(of, ast.Name) and of.id == "params" and isinstance(name, ast.Constant):
            whole = self._whole(str(name.value))
            self.used.add(whole)
            return lambda values: values.get(whole)
        raise _impossible(node)

    def _whole(self, written: str) -> str:
        if written in self._names:
            return written
        ends = self._ends.get(written, [])
        if len(ends) > 1:
            raise ValueError(f'"{written}" may be {" or ".join(ends)}; write the whole name')
        if not ends:
            near = (nearest(written, [*self._names, *self._ends]) or "").replace("/", ".")
            # Python would take learning-rate for a difference, and lambda for the beginning of a function.
            hint = f'; did you mean "{near}"?' if near and _is_plain(near) else near and f'; write params["{near}"]'
            raise ValueError(f'there is no "{written}"{hint or "; known are " + ", ".join(self._names)}')
        return ends[0]


def _is_plain(name: str) -> bool:
    return all(word.isidentifier() and not iskeyword(word) for word in name.split("."))


def _dotted(node: ast.AST) -> str:
    words = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise ValueError(f'".{words[0]}" is not possible behind a value; only names have dots')  # noqa: TRY004
    return ".".join([node.id, *reversed(words)])


def _impossible(node: ast.AST) -> ValueError:
    if type(node) in _INSTEAD:
        sign, instead = _INSTEAD[type(node)]
        return ValueError(f'"{sign}" is not possible; {instead}')
    if isinstance(node, ast.expr):
        return ValueError(f'"{ast.unparse(node):.40}" is not possible; possible are {_POSSIBLE}')
    return ValueError(f"{type(node).__name__} is not possible; possible are {_POSSIBLE}")
