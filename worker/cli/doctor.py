"""`zenbeat doctor`: what is wrong, and what to do about it."""

from functools import partial
from pathlib import Path

import click

from worker.cli.doors import with_engine
from worker.cli.examine_alerts import examine_alerts
from worker.cli.examine_hooks import examine_hooks
from worker.cli.examine_keys import examine_keys
from worker.cli.examine_ledger import examine_ledger
from worker.cli.examine_runs import examine_runs
from worker.cli.examine_zenml import examine_zenml
from worker.cli.findings import exit_code_of
from worker.cli.output import output_option, printable, say, show
from worker.domain.finding import Finding, Mark, fault, ok, warning
from worker.engine.book import Book
from worker.engine.examining import examine_redis
from worker.engine.runtime import Engine
from worker.settings import Settings, load_settings
from worker.source import Definitions, Source


@click.command()
@output_option
@click.pass_context
def doctor(ctx: click.Context, output: str) -> None:
    """Look at settings, alerts, Redis, beats, workers, API keys, runs, ZenML, schedule files and what they would start.

    Every line that is not well says what to do. Nothing is started and nothing changed. Exit 0 if nothing keeps runs
    from starting, 69 if Redis or ZenML cannot be reached, else 1.
    """
    settings = load_settings()
    findings = with_engine(partial(_examine, settings), settings)
    if output == "table":
        for finding in findings:
            click.echo(printable(str(finding)))
        say(_verdict(findings))
    else:
        show([finding.row() for finding in findings], ("check", "result", "found", "hint"), output)
    ctx.exit(exit_code_of(findings))


async def _examine(settings: Settings, engine: Engine) -> list[Finding]:
    definitions = await Book(Source(settings.schedules_dir, settle=False), engine.booked).read_on()
    return [
        ok("settings", "read, and no faults in them"),
        *examine_alerts(settings),
        *await examine_redis(engine),
        *await examine_keys(engine),
        *_files(definitions, settings.schedules_dir),
        *examine_hooks(settings, definitions),
        *await examine_ledger(engine, definitions),
        *await examine_runs(engine),
        *await examine_zenml(settings, definitions, engine),
    ]


def _files(definitions: Definitions, folder: Path) -> list[Finding]:
    mend = "mend it; until then the file's last good version runs"
    faults = [fault("schedule files", str(one), mend) for one in definitions.faults]
    warnings = [warning("schedule files", str(one), "it works; see that it is meant") for one in definitions.warnings]
    if faults or warnings:
        return [*faults, *warnings]
    schedules, sweeps = len(definitions.schedules), len(definitions.sweeps)
    if not (schedules or sweeps or definitions.hooks):
        return [
            warning("schedule files", f"nothing is defined in {folder}", "write a file there, or set SCHEDULES_DIR")
        ]
    return [ok("schedule files", f"schedules: {schedules}, sweeps: {sweeps}, in {folder}")]


def _verdict(findings: list[Finding]) -> str:
    faults = sum(finding.mark is Mark.FAULT for finding in findings)
    return "All is well." if not faults else f"{faults} of {len(findings)} checks found a fault."
