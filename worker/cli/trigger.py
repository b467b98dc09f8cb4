"""`zenbeat trigger PIPELINE` and `zenbeat trigger list|show|cancel`."""

import click

from worker.cli.lazy import Door, LazyGroup

COMMANDS = {
    "start": Door("worker.cli.trigger_start:start", "Start a run of a pipeline (also for one named `list`)."),
    "list": Door("worker.cli.trigger_look:list_triggers", "List the triggers recorded last."),
    "show": Door("worker.cli.trigger_look:show_trigger", "Show one trigger in full."),
    "cancel": Door("worker.cli.trigger_look:cancel_trigger", "Withdraw a trigger that was not sent yet."),
}


class TriggerGroup(LazyGroup):
    """A first word that is no command is the name of a pipeline."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Read `trigger PIPELINE …` as `trigger start PIPELINE …`."""
        if args and args[0] not in self.doors:
            args = ["start", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=TriggerGroup, doors=COMMANDS, subcommand_metavar="PIPELINE [OPTIONS] | COMMAND [ARGS]...")
def trigger() -> None:
    """Start a run: trigger PIPELINE [OPTIONS], see `trigger start --help`. Or look at the triggers."""
