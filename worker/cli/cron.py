"""`zenbeat cron`: when is an expression due?"""

import click

from worker.cli.moments import COLUMNS, WORDS
from worker.cli.output import output_option, show
from worker.domain.catchup import upcoming
from worker.domain.cron import Cron, CronError
from worker.domain.errors import InvalidInput
from worker.domain.moments import fire_rows, read_moment
from worker.domain.timing import Timing
from worker.engine.runtime import clock


@click.command()
@click.argument("expression")
@click.option("--timezone", "-z", default="UTC", show_default=True, help="Time zone, such as Europe/Berlin.")
@click.option("--after", help="Count from this time on; in the zone, if it has no offset.  [default: now]")
@click.option("--count", "-n", type=click.IntRange(1, 10_000), default=5, show_default=True, help="How many.")
@click.option("--seconds", is_flag=True, help="Allow a sixth field, last, for the seconds.")
@output_option
def cron(expression: str, timezone: str, after: str | None, count: int, *, seconds: bool, output: str) -> None:
    """Show when a cron expression is due next, and what the clocks do around it."""
    try:
        timing = Timing(crons=(Cron(expression, timezone, seconds=seconds),), timezone=timezone)
    except CronError as error:
        raise InvalidInput(str(error)) from error
    fires = upcoming(timing, read_moment(after, timezone) if after else clock(), count)
    show(fire_rows(fires, timezone), COLUMNS, output, words=WORDS, empty="It is never due after that.")
