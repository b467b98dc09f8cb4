"""Figures for whoever watches over an installation: what waits, who is alive, and whether the ledger has a hole."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worker.domain.schedule import Schedule
from worker.engine.alerting import ENDED_BY_SUCCESS
from worker.engine.history import read_histories
from worker.engine.runtime import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure, as it is now; `name` without the prefix."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


async def collect(engine: Engine, schedules: Sequence[Schedule]) -> list[Metric]:
    """Read all figures. Raises StoreUnavailable."""
    return [
        *await _ledger(engine, schedules),
        *await _triggers(engine),
        *await _runs(engine),
        *await _sweeps(engine),
        *await _processes(engine),
        *await _server(engine),
    ]


async def _ledger(engine: Engine, schedules: Sequence[Schedule]) -> list[Metric]:
    undecided = sum(len(history.undecided()) for history in await read_histories(engine.cursors, schedules))
    return [
        Metric(name="schedules", help="Schedules in the files.", value=len(schedules)),
        Metric(
            name="undecided_fire_times",
            help="Fire times that were considered and have no decision in the ledger; more than 0 should never be.",
            value=undecided,
        ),
    ]


async def _triggers(engine: Engine) -> list[Metric]:
    what = "Triggers that have not ended, and dead letters."
    counts = await engine.triggers.counts()
    triggers = [
        Metric(name="triggers", help=what, value=count, labels={"state": name}) for name, count in counts.items()
    ]
    unreadable, _ = await engine.unreadable.newest()
    what = "Messages that came by the queue and are no triggers."
    return [*triggers, Metric(name="unreadable_messages", help=what, value=unreadable)]


async def _runs(engine: Engine) -> list[Metric]:
    held = sum(map(len, (await engine.triggers.held()).values()))
    following = await engine.following.count()
    paused = len(await engine.pauses.holding(engine.clock()))
    open_ones = Counter(incident.kind for incident in await engine.alerts.incidents())
    return [
        Metric(name="triggers_held", help="Triggers that wait for their overlap policy.", value=held),
        Metric(name="runs_following", help="Runs that have not ended, as far as is known.", value=following),
        Metric(name="schedules_paused", help="Schedules that are paused.", value=paused),
        *(
            Metric(
                name="incidents",
                help="Schedules with which something is wrong.",
                value=open_ones[kind],
                labels={"kind": kind.value},
            )
            for kind in ENDED_BY_SUCCESS
        ),
        Metric(name="alerts_waiting", help="Alerts that are not delivered yet.", value=await engine.alerts.waiting()),
    ]


async def _sweeps(engine: Engine) -> list[Metric]:
    rows = await engine.sweeps.active()
    trials = {
        "waiting": sum(row.open for row in rows),
        "running": sum(row.running for row in rows),
        "failed": sum(row.failed + row.dead for row in rows),
    }
    what = "Trials of the sweeps and backfills that are not over."
    return [
        Metric(name="sweeps_active", help="Sweeps and backfills that are not over.", value=len(rows)),
        *(Metric(name="trials", help=what, value=count, labels={"state": name}) for name, count in trials.items()),
    ]


async def _processes(engine: Engine) -> list[Metric]:
    beats = await engine.heartbeats.alive("beat")
    workers = await engine.heartbeats.alive("worker")
    apis = await engine.heartbeats.alive("api")
    leading = sum(bool(sign.get("leading")) for sign in beats.values())
    return [
        Metric(name="beats", help="Beats that are alive.", value=len(beats)),
        Metric(name="beats_leading", help="Beats that lead; anything but 1 for long is trouble.", value=leading),
        Metric(name="workers", help="Workers that are alive.", value=len(workers)),
        Metric(name="apis", help="Processes of the HTTP API that are alive.", value=len(apis)),
    ]


async def _server(engine: Engine) -> list[Metric]:
    state = await engine.limits.state()
    window = float(state.get("window", engine.limits.limits.first))
    return [
        Metric(name="launch_window", help="Launches at once that ZenML is trusted with.", value=window),
        Metric(
            name="server_held_back",
            help="1 while ZenML is away or refuses the login: nothing is sent but a probe now and then.",
            value="open" in state,
        ),
    ]
