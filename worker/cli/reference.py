"""`zenbeat reference`: docs/reference.md, made from what the program itself knows."""

import ast
import inspect
from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from typing import Any

import click

from worker.domain.access import Area
from worker.domain.alert import AlertKind
from worker.domain.apikey import KeyStanding
from worker.domain.fate import Fate
from worker.domain.outcome import Decision, Status
from worker.domain.standing import Standing
from worker.domain.trigger import TriggerState
from worker.engine.sweepstanding import SweepStanding
from worker.settings import FILE, SECRETS, Settings
from worker.store.keys import Keys
from worker.store.sweeprows import Kind

HEAD = "# Reference\n\nMade by `zenbeat reference`; do not edit it by hand."

STATES: tuple[tuple[str, type[StrEnum]], ...] = (
    ("States of a trigger", TriggerState),
    ("Statuses of an outcome", Status),
    ("Decisions for a fire time", Decision),
    ("Kinds of an alert", AlertKind),
    ("How a run ends", Fate),
    ("How a schedule stands", Standing),
    ("How a sweep stands", SweepStanding),
    ("Kinds of a sweep", Kind),
    ("What the scopes of an API key open", Area),
    ("How an API key stands", KeyStanding),
)


@click.command()
@click.pass_context
def reference(ctx: click.Context) -> None:
    """Print the reference in Markdown: commands, variables, Redis keys, states."""
    root = ctx.find_root()
    parts = [HEAD, "## Commands", *_commands(root.command, click.Context(root.command, info_name="zenbeat"))]
    parts += ["## Variables", _variables(), "## Redis keys", _keys()]
    for title, states in STATES:
        parts += [f"## {title}", _states(states)]
    click.echo("\n\n".join(parts))


def _commands(command: click.Command, ctx: click.Context) -> Iterator[str]:
    """Give a section for each command that does something by itself, and go through those of a group."""
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield from _section(command, ctx)
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            if inner is not None and not inner.hidden and name != "reference":
                yield from _commands(inner, click.Context(inner, info_name=name, parent=ctx))


def _section(command: click.Command, ctx: click.Context) -> Iterator[str]:
    yield f"### `{ctx.command_path}`"
    yield f"```\n{ctx.command_path} {' '.join(command.collect_usage_pieces(ctx))}\n```"
    yield inspect.cleandoc(command.help or "").replace("\b\n", "")
    options = [record for param in command.get_params(ctx) if (record := _option(param, ctx))]
    yield "\n".join(["| option | |", "|---|---|", *(f"| `{_cell(name)}` | {_cell(text)} |" for name, text in options)])


def _option(param: click.Parameter, ctx: click.Context) -> tuple[str, str] | None:
    return param.get_help_record(ctx) if isinstance(param, click.Option) else None


def _variables() -> str:
    rows = ["| variable | default | |", "|---|---|---|"]
    for field in Settings.model_fields.values():
        variable = str(field.title)
        also = f" Also as `{variable}{FILE}`." if variable in SECRETS else ""
        rows.append(f"| `{variable}` | {_default(field.default)} | {_cell(field.description or '')}{also} |")
    return "\n".join(rows)


def _default(value: Any) -> str:
    told = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    return "" if told is None else f"`{told}`"


def _keys() -> str:
    keys = Keys()
    rows = ["| key | |", "|---|---|"]
    for name, member in vars(Keys).items():
        if name.startswith("_") or name.endswith("_prefix") or not member.__doc__:
            continue
        if isinstance(member, property):
            rows.append(f"| `{getattr(keys, name)}` | {_cell(member.__doc__)} |")
        elif inspect.isfunction(member):
            words = [f"<{word}>" for word in list(inspect.signature(member).parameters)[1:]]
            rows.append(f"| `{getattr(keys, name)(*words)}` | {_cell(member.__doc__)} |")
    return "\n".join(rows)


def _states(states: type[StrEnum]) -> str:
    told = dict(_told(states))
    return "\n".join(
        ["| | |", "|---|---|", *(f"| `{state}` | {_cell(told.get(state.name, ''))} |" for state in states)]
    )


def _told(states: type[StrEnum]) -> Iterator[tuple[str, str]]:
    """Give the text under each member; Python itself does not keep it."""
    (tree,) = ast.parse(inspect.getsource(states)).body
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    for statement, following in pairwise(body):
        if isinstance(statement, ast.Assign) and isinstance(following, ast.Expr):
            name, text = ast.unparse(statement.targets[0]), following.value
            yield name, str(text.value) if isinstance(text, ast.Constant) else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
