"""A group of commands that are imported when they are used: `zenbeat --help` waits for none of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from worker.domain.errors import InvalidInput, NotSent, StoreUnavailable, ZenbeatError
from worker.domain.nearest import did_you_mean

FAILED = 1
USAGE = 2
UNREACHABLE = 69
"""EX_UNAVAILABLE of sysexits.h: Redis or ZenML cannot be reached; nothing is wrong with what was typed."""
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Door:
    """Where a command is (`module:name`), and what `--help` says of it."""

    where: str
    help: str
    hidden: bool = False


def exit_code(error: ZenbeatError) -> int:
    """Give the exit code that scripts look at."""
    if isinstance(error, InvalidInput):
        return USAGE
    return UNREACHABLE if isinstance(error, StoreUnavailable | NotSent) else FAILED


class LazyGroup(click.Group):
    """A group whose commands are known by name and short help until one of them is called."""

    def __init__(self, *args: Any, doors: Mapping[str, Door] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.doors = dict(doors or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in the order of the table."""
        return [*self.doors, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name; None if there is none."""
        door = self.doors.get(cmd_name)
        if door is None:
            return super().get_command(ctx, cmd_name)
        module, name = door.where.split(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{door.where} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; a misspelt one is answered with the nearest."""
        name = args[0]
        known = self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f'there is no command "{name}"{did_you_mean(name, known)}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands with what the table says of them."""
        rows = [(name, door.help) for name, door in self.doors.items() if not door.hidden]
        rows += [(name, command.get_short_help_str()) for name, command in self.commands.items() if not command.hidden]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name without importing any."""
        table = [(name, door.help) for name, door in self.doors.items() if not door.hidden]
        table += [(name, command.get_short_help_str()) for name, command in self.commands.items()]
        names = [CompletionItem(name, help=text) for name, text in table if name.startswith(incomplete)]
        # Not the group's own way, which imports every command; the rest is the options.
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what goes wrong on purpose becomes one sentence and an exit code."""
        try:
            return super().invoke(ctx)
        except ZenbeatError as error:
            click.echo(str(error), err=True)
            ctx.exit(exit_code(error))
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
