"""`zenbeat schedule …`: the group; each command is a module of its own, so that `lint` loads no Celery."""

import click

from worker.cli.lazy import Door, LazyGroup

COMMANDS = {
    "list": Door("worker.cli.schedule_list:list_schedules", "List the schedules and when each is due next."),
    "show": Door("worker.cli.schedule_show:show_schedule", "Show one schedule in full."),
    "next": Door("worker.cli.schedule_next:next_fires", "Show what is due next, of all schedules or of one."),
    "lint": Door("worker.cli.schedule_lint:lint_files", "Check schedule files; faults as file:line:column."),
    "plan": Door("worker.cli.schedule_plan:plan", "Tell what the files would change, before a beat reads them."),
    "run": Door("worker.cli.schedule_run:run_schedule", "Start a run of a schedule now."),
    "backfill": Door("worker.cli.schedule_backfill:backfill_schedule", "Run the fire times of a range of its past."),
    "pause": Door("worker.cli.schedule_pause:pause_schedules", "Start nothing for schedules until they go on."),
    "resume": Door("worker.cli.schedule_pause:resume_schedules", "Let paused schedules go on from now."),
    "explain": Door("worker.cli.schedule_explain:explain", "Tell why a schedule fired, or did not, around a time."),
}


@click.group(cls=LazyGroup, doors=COMMANDS)
def schedule() -> None:
    """Check, list, explain, pause and resume schedules; start one now."""
