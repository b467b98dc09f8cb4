"""What `zenbeat doctor` asks the ledger: was every due instant decided, and is anything held back?"""

from worker.cli.moments import utc_time
from worker.domain.errors import StoreUnavailable
from worker.domain.finding import Finding, fault, ok
from worker.engine.history import History, read_histories
from worker.engine.runtime import Engine
from worker.source import Definitions


async def examine_ledger(engine: Engine, definitions: Definitions) -> list[Finding]:
    """See that the ledger has a decision for every fire time that has been considered, and what keeps triggers back."""
    try:
        histories = await read_histories(engine.cursors, definitions.schedules)
        state = await engine.limits.state()
    except StoreUnavailable:
        return []  # said already
    return [*_coverage(histories), *_server(state)]


def _coverage(histories: list[History]) -> list[Finding]:
    holes = [(history, fires) for history in histories if (fires := history.undecided())]
    if holes:
        return [
            fault(
                "ledger",
                f"{history.schedule.name}: no decision for {len(fires)} fire times, the first at {utc_time(fires[0])}",
                "this should never be: look at the beat's log of that time, and report it",
            )
            for history, fires in holes
        ]
    considered = [history for history in histories if history.cursor is not None]
    if not considered:
        return []
    entries = sum(len(history.entries) for history in considered)
    told = f"{len(considered)} schedules considered without a hole; {entries} decisions looked at"
    return [ok("ledger", told)]


def _server(state: dict[str, str]) -> list[Finding]:
    if "open" in state:
        hint = "triggers wait; a probe is sent now and then, and all go when it succeeds"
        return [fault("ZenML is left alone", state.get("why", "it was in trouble"), hint)]
    if "capped" in state:
        return [ok("ZenML's capacity", f"{float(state['window']):.0f} launches at once, as its refusals have shown")]
    return []
