"""Commands that become a process: a Celery worker, a Celery beat, the demo server, the test run."""

import os
import sys
from pathlib import Path

import click

from worker.celery import app
from worker.demo.zenml import DemoOptions, run_demo
from worker.logs import configure
from worker.settings import load_settings

PASSED_ON = {"ignore_unknown_options": True, "help_option_names": []}
"""What follows the command is for the program behind it, `--help` too."""


@click.command(context_settings=PASSED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: tuple[str, ...]) -> None:
    """Run a Celery worker; options are Celery's own. The same as `celery -A worker worker`."""
    app.start(argv=["worker", *arguments])


@click.command(context_settings=PASSED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def beat(arguments: tuple[str, ...]) -> None:
    """Run a Celery beat; options are Celery's own. The same as `celery -A worker beat`."""
    app.start(argv=["beat", *arguments])


@click.command("demo-zenml")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8237, show_default=True, help="Port to listen on.")
@click.option("--version", "plays", default="0.98.0", show_default=True, help="The ZenML version that it plays.")
@click.option("--latency", default=0.0, show_default=True, help="Seconds that every answer takes.")
@click.option("--failure-rate", default=0.1, show_default=True, help="Share of runs that fail by themselves.")
@click.option("--capacity", default=2, show_default=True, help="Launches at once; 0 is any number.")
def demo_zenml(host: str, port: int, plays: str, latency: float, failure_rate: float, capacity: int) -> None:
    """Run the demo ZenML server: an honest small one, on which nothing is real."""
    settings = load_settings()
    configure(settings.log_level, settings.log_format)
    options = DemoOptions(version=plays, latency=latency, failure_rate=failure_rate, capacity=capacity or None)
    run_demo(host, port, options)


@click.command(context_settings=PASSED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run zenbeat's own tests; arguments are pytest's. Without any: all that need no program from elsewhere.

    Those that do are marked e2e (a real ZenML server), crash, doors (callers in other languages) and browser.
    """
    root = Path(__file__).resolve().parents[2]
    os.chdir(root)
    # More at once than a small machine has cores: half of the time is waiting.
    chosen = arguments or ("-m", "not e2e and not crash and not doors and not browser", "-n", "4", "--dist", "loadfile")
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *chosen])  # noqa: S606 - pytest takes our place
