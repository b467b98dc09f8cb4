"""`zenbeat sweep plan`: what a sweep would run, and what that costs in time."""

from functools import partial
from typing import Any

import click

from worker.cli.doors import with_engine
from worker.cli.output import console, output_option, say, show, show_one
from worker.cli.sweep_tables import show_points
from worker.cli.sweeps import find_sweep
from worker.engine.newsweeps import Defined
from worker.engine.runtime import Engine
from worker.engine.sweepcheck import MOST_TRIALS, check_sweep
from worker.engine.sweepcost import Cost, estimate
from worker.settings import load_settings


@click.command()
@click.argument("name")
@click.option("-n", "--limit", default=10, show_default=True, help="How many trials to show.")
@output_option
def plan(name: str, limit: int, output: str) -> None:
    """Show what sweep NAME would run: how many trials, the first of them, and how long that takes. Starts nothing.

    Its first trial is held against what it would start at ZenML; what does not fit is told with its place in the file,
    and the exit code is 2. The time is told by earlier sweeps of that name, or by the last runs of its pipeline.
    """
    settings = load_settings()
    defined = find_sweep(settings, name)
    unchecked, cost = with_engine(partial(_look, defined), settings)
    sweep = defined.definition.sweep
    points = [{"trial": number, **point} for number, point in enumerate(sweep.head(limit) if sweep.computed else (), 1)]
    if output == "table":
        _show(defined, cost, points)
    elif output == "csv":
        show(points, ["trial", *sweep.names], output)
    else:
        show_one(_plain(defined, cost, points), output)
    if unchecked:
        say(f"Not checked against what it would start: {unchecked}")
    for each in cost.unasked:
        say(f"Not asked about {each}")
    if output == "table":
        sure = " --yes" if sweep.size > MOST_TRIALS else ""
        say(f"Start it: zenbeat sweep run {name}{sure}")


async def _look(defined: Defined, engine: Engine) -> tuple[str, Cost]:
    return await check_sweep(engine, defined), await estimate(defined.definition, engine)


def _show(defined: Defined, cost: Cost, points: list[dict[str, Any]]) -> None:
    definition = defined.definition
    sweep, screen = definition.sweep, console()
    goals = ", ".join(f"{metric.goal} {metric.name}" for metric in sweep.metrics)
    when = f", at each fire time of {definition.name}" if defined.zone else ""
    screen.print(
        f"{definition.target.pipeline}, {sweep.method}{when}" + (f", to {goals}" if goals else ""), style="bold"
    )
    screen.print(str(cost), style="cyan")
    if cost.learnt:
        screen.print(f"(as long as {cost.learnt} took, at the median)", style="dim")
    if cost.hours is not None:
        screen.print(f"It ends after {cost.hours:g} h of run time (budget).", style="dim")
    screen.print()
    if sweep.computed:
        show_points(points, sweep.names)
    else:
        screen.print("Each trial is chosen by what came of the ones before.", style="dim")


def _plain(defined: Defined, cost: Cost, points: list[dict[str, Any]]) -> dict[str, Any]:
    definition = defined.definition
    return {
        "name": definition.name,
        "pipeline": definition.target.pipeline,
        "method": definition.sweep.method.value,
        "trials": definition.sweep.size,
        "at_once": cost.at_once,
        "seconds_each": cost.seconds,
        "seconds": cost.total,
        "learnt_from": cost.learnt or None,
        "first": points,
    }
