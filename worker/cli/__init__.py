"""The command `zenbeat`: data on stdout, talk on stderr; exit 0 ok, 1 failed, 2 usage, 69 unreachable."""

import click

from worker import __version__
from worker.cli.lazy import Door, LazyGroup

COMMANDS = {
    "up": Door("worker.cli.up:up", "Set up and start everything on this machine."),
    "top": Door("worker.cli.top:top", "Show all at a glance, as it comes."),
    "test": Door("worker.cli.processes:test", "Run zenbeat's own tests."),
    "doctor": Door("worker.cli.doctor:doctor", "Look for what is wrong, and say what to do about it."),
    "metrics": Door("worker.cli.metrics:metrics", "Print figures in Prometheus' text format."),
    "healthcheck": Door("worker.cli.healthcheck:healthcheck", "Tell whether this host's process is alive."),
    "schedule": Door("worker.cli.schedule:schedule", "Check, list, explain and pause schedules; start one now."),
    "trigger": Door("worker.cli.trigger:trigger", "Start a pipeline run, or look at those asked for."),
    "outcome": Door("worker.cli.outcome:outcome", "See what became of triggers and fire times."),
    "dead": Door("worker.cli.dead:dead", "Look at dead letters; replay or discard them."),
    "alert": Door("worker.cli.alert:alert", "See that alerts arrive."),
    "key": Door("worker.cli.key:key", "Make, list, rotate and revoke the keys of the HTTP API."),
    "audit": Door("worker.cli.audit:audit", "See who changed what, and which calls were refused."),
    "sweep": Door("worker.cli.sweep:sweep", "Plan, run and follow parameter sweeps."),
    "hook": Door("worker.cli.hook:hook", "Look at webhooks, and try what comes of a payload."),
    "cron": Door("worker.cli.cron:cron", "Show when a cron expression is due."),
    "template": Door("worker.cli.template:template", "See what a pipeline would be started from."),
    "worker": Door("worker.cli.processes:worker", "Run a Celery worker."),
    "beat": Door("worker.cli.processes:beat", "Run a Celery beat."),
    "api": Door("worker.cli.api:api", "Run the dashboard and the HTTP API."),
    "demo-zenml": Door("worker.cli.processes:demo_zenml", "Run the demo ZenML server."),
    "completion": Door("worker.cli.completion:completion", "Print the completion script of a shell."),
    "reference": Door("worker.cli.reference:reference", "Print docs/reference.md.", hidden=True),
}
"""Command -> where it is. What `--help` needs stands here, so that it imports none of them."""


@click.group(
    cls=LazyGroup,
    name="zenbeat",
    doors=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 failed, 2 wrong usage or invalid file, 69 Redis or ZenML cannot be reached.",
)
@click.version_option(__version__, prog_name="zenbeat")
def cli() -> None:
    """Start ZenML pipeline runs: on a schedule, as a sweep, or now."""


def main() -> None:
    """Run the command line of this process, and exit."""
    cli(prog_name="zenbeat")
