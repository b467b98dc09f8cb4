"""What `zenbeat doctor` asks ZenML: can we log in, can it start runs, and does every schedule fit?"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from worker.domain.errors import AccessDenied, InvalidInput, NotSent, StoreUnavailable, ZenMLError
from worker.domain.finding import Finding, fault, ok, warning
from worker.domain.schedule import Schedule, SweepDefinition
from worker.engine.following import examples
from worker.engine.past import Past
from worker.engine.planner import Known, example, sample
from worker.engine.runtime import Engine, clock, zenml_options
from worker.engine.targets import Targets
from worker.settings import Settings
from worker.source import Definitions
from worker.zenml.client import ZenML

MOST_SKEW = 5.0
"""Seconds that the clocks may be apart before it is worth a line."""


async def examine_zenml(settings: Settings, definitions: Definitions, engine: Engine) -> list[Finding]:
    """Look at the ZenML server, then at what each schedule and sweep would send to it."""
    if not settings.zenml_url:
        return [fault("ZenML", "no address is set", "set ZENML_STORE_URL; `zenbeat up` starts a demo server without")]
    # A client of its own, that compares the clocks and believes nothing it heard before.
    zenml = ZenML(zenml_options(settings), wall=clock)
    try:
        known = await _known(definitions, engine)
        return [*await _server(zenml, settings.zenml_url), *await _targets(zenml, definitions, known, clock())]
    except NotSent as error:
        hint = "see that ZENML_STORE_URL is right and that the server runs"
        return [fault("ZenML", str(error), hint, unreachable=True)]
    except AccessDenied as error:
        return [fault("ZenML login", str(error), "set ZENML_STORE_API_KEY to the key of a service account")]
    except ZenMLError as error:
        return [fault("ZenML", str(error), "see that ZENML_STORE_URL is the address of a ZenML server")]
    finally:
        await zenml.aclose()


async def _server(zenml: ZenML, url: str) -> list[Finding]:
    info = await zenml.info()
    await zenml.open()
    found = [ok("ZenML", f"{info.version_text} at {url}"), ok("ZenML login", "accepted"), await _starting(zenml)]
    if info.skew is not None and abs(info.skew) > MOST_SKEW:
        way = "ahead of" if info.skew > 0 else "behind"
        told = f"ZenML's clock is {abs(info.skew):.0f} s {way} ours"
        found.append(warning("clock", told, "let both hosts keep their time by NTP"))
    return found


async def _starting(zenml: ZenML) -> Finding:
    able = await zenml.can_trigger()
    if able:
        return ok("ZenML starts runs", "it has a route for it")
    if able is None:
        return warning(
            "ZenML starts runs", "the server does not describe itself (/openapi.json)", "the targets below will tell"
        )
    return fault(
        "ZenML starts runs",
        "this server has no route that starts runs",
        "use ZenML Pro, or a server with a workload manager configured",
    )


async def _known(definitions: Definitions, engine: Engine) -> dict[str, Known]:
    """Read what expressions of schedules know of the past; what they follow is made up."""
    try:
        states = await Past(engine.pauses, engine.results, engine.sweeps).states(definitions.schedules)
    except StoreUnavailable:
        states = {}  # said already
    now = clock()
    return {
        schedule.name: Known(
            last_success=states[schedule.name].last_success if schedule.name in states else None,
            upstreams=examples(schedule.after, now) if schedule.after else (),
        )
        for schedule in definitions.schedules
    }


async def _targets(zenml: ZenML, definitions: Definitions, past: Mapping[str, Known], now: datetime) -> list[Finding]:
    targets = Targets(zenml)
    findings = []
    for schedule in definitions.schedules:
        body = partial(example, schedule, schedule.timing.next(now) or now, past[schedule.name])
        findings.append(await _fits(targets, schedule, f"schedule {schedule.name}", body))
    clocked = {schedule.name for schedule in definitions.schedules if schedule.sweep is not None}
    asked = [sweep for sweep in definitions.sweeps if sweep.name not in clocked]
    return findings + [
        await _fits(targets, sweep, f"sweep {sweep.name}", partial(sample, sweep, now)) for sweep in asked
    ]


async def _fits(
    targets: Targets, defined: Schedule | SweepDefinition, what: str, body: Callable[[], Mapping[str, Any]]
) -> Finding:
    """See that the target is there, and that the body as it would be sent passes its schema."""
    try:
        # What is not there is told before what is wrong with the body.
        await targets.find(defined.target)
        resolution = await targets.check(defined.target, body())
    except (ZenMLError, InvalidInput) as error:
        if isinstance(error, NotSent):
            raise
        return fault(what, str(error), f"mend it in {defined.place}, or make at ZenML what it names")
    return ok(what, f"starts {resolution}")
