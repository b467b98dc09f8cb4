"""`zenbeat sweep …`: the group; each command is a module of its own, and none is imported before it is used."""

import click

from worker.cli.lazy import Door, LazyGroup

COMMANDS = {
    "plan": Door("worker.cli.sweep_plan:plan", "Show what a sweep would run, and how long that takes."),
    "run": Door("worker.cli.sweep_run:run", "Start a sweep."),
    "list": Door("worker.cli.sweep_list:list_sweeps", "List sweeps and backfills, and how far they are."),
    "show": Door("worker.cli.sweep_show:show_sweep", "Show how a sweep is doing: its best trials, and all others."),
    "pause": Door("worker.cli.sweep_steer:pause", "Send no more trials until it goes on."),
    "resume": Door("worker.cli.sweep_steer:resume", "Let a paused sweep go on."),
    "cancel": Door("worker.cli.sweep_steer:cancel", "End a sweep before its last trial."),
    "retry": Door("worker.cli.sweep_steer:retry", "Run again what failed, under the same numbers."),
    "extend": Door("worker.cli.sweep_extend:extend", "Give a sweep more trials."),
    "export": Door("worker.cli.sweep_export:export", "Write all trials as CSV, JSON lines or Parquet."),
    "import": Door("worker.cli.sweep_import:import_sweep", "Make a sweep of one of Weights & Biases."),
}


@click.group(cls=LazyGroup, doors=COMMANDS)
def sweep() -> None:
    """Plan, run and follow parameter sweeps, as the schedule files define them."""
