"""`zenbeat top`: the dashboard's first page in the terminal."""

import logging
import sys
from datetime import UTC

import click

from worker.cli.doors import with_engine
from worker.cli.output import console
from worker.cli.topfollow import Following
from worker.cli.toplook import Look
from worker.cli.toppicture import View, draw


@click.command()
@click.option("--once", is_flag=True, help="Print one picture, and end; so it does where stdout is no terminal.")
@click.option("--utc", is_flag=True, help="Tell times in UTC; else in the zone of this machine.")
def top(once: bool, utc: bool) -> None:  # noqa: FBT001 - click's
    """Show all at a glance, as it comes: is all well, what runs, what is due, the hours around now, and outcomes.

    Keys: q ends it, the arrows or j and k move the timeline, p keeps the picture as it is, ? explains.
    """
    terminal, zone = console(), UTC if utc else None
    if once or not sys.stdout.isatty() or terminal.is_dumb_terminal:
        view = View(width=terminal.width, height=None, zone=zone)
        for line in draw(with_engine(lambda engine: Look(engine).once()), view):
            terminal.print(line, no_wrap=True, crop=True)
        return
    # A line of the log would be in the midst of the picture; what matters of it is told there.
    logging.getLogger().addHandler(logging.NullHandler())
    view = View(width=terminal.width, height=terminal.height, zone=zone)
    code = with_engine(lambda engine: Following(engine, terminal, view).until_ended())
    if code:
        raise SystemExit(code)
