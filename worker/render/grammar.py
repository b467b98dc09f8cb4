"""What may stand in an expression: read once when the file is loaded, so that a mistake has its place in the file."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, nodes

from worker.domain.nearest import did_you_mean
from worker.render.sandbox import SANDBOX

LONGEST_SOURCE = 4_096
"""Characters of one text with expressions in it."""

SCHEDULE_NAMES = frozenset(
    {"fire_time", "last_success", "previous_fire_time", "schedule", "window_end", "window_start"}
)
"""Known where a schedule fires."""

FOLLOWER_NAMES = frozenset({"upstream", "upstreams"})
"""Known besides where a schedule follows others."""

SWEEP_NAMES = frozenset({"params", "sweep", "trial"})
"""Known in the trials of a sweep."""

HOOK_NAMES = frozenset({"headers", "hook", "payload"})
"""Known where another system has sent a webhook."""

ITEM_NAMES = frozenset({"item"})
"""Known besides in a hook with `each`."""

_ONCE = "a body is rendered once and stored, so that a retry sends the same"
_NOT_KNOWN = {
    "now": f'"now" is not known: {_ONCE}; use fire_time',
    "today": f'"today" is not known: {_ONCE}; use fire_time | date("%Y-%m-%d")',
    "attempt": f'"attempt" is not known: {_ONCE}',
    **{name: f'"{name}" is known in a schedule with after only' for name in FOLLOWER_NAMES},
    **{name: f'"{name}" is known in a hook only' for name in HOOK_NAMES},
    **{name: f'"{name}" is known in a hook with each only' for name in ITEM_NAMES},
}
_NOT_ALLOWED: dict[type[nodes.Node], str] = {
    nodes.For: "for is not possible; an expression such as range(3) | join(',') may do",
    nodes.Include: "include is not possible",
    nodes.Import: "import is not possible",
    nodes.FromImport: "import is not possible",
    nodes.Macro: "macro is not possible",
    nodes.Assign: "set is not possible; write the expression where it is needed",
    nodes.AssignBlock: "set is not possible; write the expression where it is needed",
}
_ALLOWED = (nodes.Expr, nodes.Helper, nodes.Template, nodes.Output, nodes.If)
_NEVER = (nodes.EnvironmentAttribute, nodes.ExtensionAttribute, nodes.ImportedName, nodes.InternalName, nodes.NSRef)


class ExpressionError(ValueError):
    """A text that cannot be used as an expression; `str()` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A text that was read: its syntax tree, and what is known of it without running it."""

    tree: nodes.Template
    whole: nodes.Expr | None
    """The expression, if the text is one and nothing else."""
    names: frozenset[str]
    """The names of the context it uses."""


def has_expression(text: str) -> bool:
    """Tell whether Jinja2 would find anything to do in a text."""
    return "{{" in text or "{%" in text or "{#" in text


def parse(text: str) -> Parsed:
    """Read a text with expressions in it. Raises ExpressionError."""
    if len(text) > LONGEST_SOURCE:
        raise ExpressionError(f"the text is too long: {len(text)} characters, at most {LONGEST_SOURCE}")
    tree = _tree(text)
    for node in tree.find_all(nodes.Node):
        _check_node(node)
    names = {node.name for node in tree.find_all(nodes.Name)}
    return Parsed(tree=tree, whole=_whole(tree), names=frozenset(names - SANDBOX.globals.keys()))


def check_names(names: Collection[str], known: Collection[str]) -> None:
    """Refuse names that are not among the known ones. Raises ExpressionError."""
    for name in sorted(names):
        _check_name(name, known)


def fixed_text(text: str) -> str:
    """Return what stands outside the expressions of a text."""
    if not has_expression(text):
        return text
    return "".join(node.data for node in _tree(text).find_all(nodes.TemplateData))


def is_whole(text: str) -> bool:
    """Tell whether a text is one expression and nothing else. Raises ExpressionError."""
    return parse(text).whole is not None


def _tree(text: str) -> nodes.Template:
    try:
        return SANDBOX.parse(text)
    except TemplateSyntaxError as error:
        raise ExpressionError(f"the expression cannot be read: {error.message}") from error
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply") from error


def _whole(tree: nodes.Template) -> nodes.Expr | None:
    match tree.body:
        case [nodes.Output(nodes=parts)]:
            # White space around a lone expression, such as the line end of a block, does not make a text of it.
            inside = [part for part in parts if not (isinstance(part, nodes.TemplateData) and not part.data.strip())]
            if len(inside) == 1 and not isinstance(inside[0], nodes.TemplateData):
                return inside[0]
    return None


def _check_node(node: nodes.Node) -> None:
    if type(node) in _NOT_ALLOWED:
        raise ExpressionError(_NOT_ALLOWED[type(node)])
    if not isinstance(node, _ALLOWED) or isinstance(node, _NEVER):
        raise ExpressionError(f"{type(node).__name__.lower()} is not possible")
    if isinstance(node, nodes.Filter):
        _check_listed("filter", node.name, SANDBOX.filters)
    elif isinstance(node, nodes.Test):
        _check_listed("test", node.name, SANDBOX.tests)
    elif isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        raise ExpressionError(f'"{node.attr}" is out of bounds: no name with an underscore in front can be used')


def _check_listed(kind: str, name: str, listed: Iterable[str]) -> None:
    if name not in listed:
        raise ExpressionError(f'there is no {kind} "{name}"{did_you_mean(name, listed)}')


def _check_name(name: str, known: Collection[str]) -> None:
    if name in known:
        return
    if name in _NOT_KNOWN:
        raise ExpressionError(_NOT_KNOWN[name])
    if name in SCHEDULE_NAMES | SWEEP_NAMES:
        raise ExpressionError(f'"{name}" is known in a {"schedule" if name in SCHEDULE_NAMES else "sweep"} only')
    raise ExpressionError(f'"{name}" is not known{did_you_mean(name, {*known, *SANDBOX.globals})}')
