"""What people do with sweeps and backfills: begin, pause, resume, cancel, run again what failed, extend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from worker.domain.errors import Conflict, Unknown
from worker.domain.extension import extend as extended
from worker.domain.nearest import did_you_mean
from worker.domain.schedule import Schedule, SweepDefinition
from worker.domain.sweepparts import Method
from worker.domain.trial import TrialResult
from worker.domain.trigger import TriggerState
from worker.engine.asking import Studies
from worker.engine.definitions import Backfill, decode_sweep, encode_sweep, mark_of
from worker.engine.newsweeps import asked_sweep, new_backfill
from worker.engine.past import Past
from worker.engine.planner import Known, for_backfill, sample
from worker.engine.runtime import Engine
from worker.engine.trials import Trials, read_trials
from worker.store.items import Command, Entry, Item
from worker.store.sweeprows import Kind, NewSweep, SweepRow

ENDLESS = frozenset({Method.RANDOM, Method.SOBOL, Method.BAYES})
"""Methods whose trials go on and on: run_cap alone says how many there are."""

NO_LARGER = "a backfill is not extended; start another one for the other range"

MOST = 1_000
"""Sweeps among which one is looked for by its name."""


async def find(engine: Engine, wanted: str) -> SweepRow:
    """Find a sweep or backfill by its id, or how that begins; or the newest of a name. Raises Unknown."""
    found = await engine.sweeps.get(wanted)
    if found is not None:
        return found
    newest = await engine.sweeps.newest(MOST)
    for row in newest:
        if row.name == wanted or row.id.startswith(wanted):
            return row
    raise Unknown(f'there is no sweep "{wanted}"{did_you_mean(wanted, {row.name for row in newest})}')


async def read_sweep(engine: Engine, identity: str) -> SweepRow:
    """Read a sweep or backfill by its id. Raises Unknown."""
    # Behind a colon are other keys of a sweep.
    row = None if ":" in identity else await engine.sweeps.get(identity)
    if row is None:
        raise not_there(identity)
    return row


def not_there(identity: str) -> Unknown:
    """Say that there is no such sweep: also to who may not know of it."""
    return Unknown(f"there is no sweep {identity}")


async def first_trial(engine: Engine, definition: SweepDefinition, zone: str = "") -> Mapping[str, Any]:
    """Give the body of the first trial's run, so that it can be checked before anything is recorded.

    Raises InvalidInput if it cannot be rendered, or its sampler is not installed.
    """
    if not definition.sweep.computed:
        await Studies(engine.sweeps).first(definition.sweep)
    return sample(definition, engine.clock(), zone)


async def start(
    engine: Engine,
    definition: SweepDefinition,
    key: str,
    zone: str = "",
    more: Sequence[Command] = (),
    *,
    by: str = "",
) -> tuple[str, bool]:
    """Begin a sweep. Gives its id, and whether it is new. With the time zone of its schedule, now is its fire time.

    Raises Conflict when the key stands for a sweep with another definition, InvalidInput when a trial cannot be
    rendered. `more` are plain writes that go with it.
    """
    await first_trial(engine, definition, zone)
    new = asked_sweep(definition, key, engine.clock(), zone, by)
    what = f"sweep {definition.name} was started with another definition under this key: {key}"
    return new.id, await _begin(engine, new, what, more)


async def first_fire(engine: Engine, schedule: Schedule, backfill: Backfill) -> None:
    """See that the first fire time of a backfill can be rendered. Raises InvalidInput."""
    fire = backfill.fires[0]
    if schedule.sweep is not None:
        sample(schedule.sweep, fire, schedule.timezone)
        return
    state = (await Past(engine.pauses, engine.results, engine.sweeps).states([schedule]))[schedule.name]
    known = Known(last_success=state.last_success, window_start=backfill.window_start)
    for_backfill(schedule, fire, engine.clock(), known, priority=backfill.priority)


async def begun_before(engine: Engine, backfill: Backfill, key: str) -> bool:
    """Tell whether a backfill was begun under this key."""
    return await engine.sweeps.get(new_backfill(backfill, key, engine.clock()).id) is not None


async def start_backfill(
    engine: Engine, backfill: Backfill, key: str, more: Sequence[Command] = (), *, by: str = ""
) -> tuple[str, bool]:
    """Begin a backfill. Gives its id, and whether it is new: the same range with the same key goes on where it was.

    Raises Conflict when the key stands for another range, or the backfill was ended before its last fire.
    `more` are plain writes that go with it.
    """
    new = new_backfill(backfill, key, engine.clock(), by)
    otherwise = f"another backfill of {backfill.schedule} was started with this key: {key}"
    fresh = await _begin(engine, new, otherwise, more)
    row = await engine.sweeps.get(new.id)
    if row is not None and row.ended:
        anew = "with another --key it begins anew, and leaves out what has had its run"
        raise Conflict(f"this backfill has ended ({row.ended}); {anew}")
    return new.id, fresh


async def _begin(engine: Engine, new: NewSweep, otherwise: str, more: Sequence[Command] = ()) -> bool:
    item = Item(take=engine.sweeps.taken(new.id), commands=[*engine.sweeps.begin(new), *more])
    (recorded,) = await engine.triggers.record([item])
    if not recorded.written:
        known = await engine.sweeps.get(new.id)
        if known is not None and known.fingerprint != new.fingerprint:
            raise Conflict(otherwise, {"sweep": new.id})
    return recorded.written


async def pause(engine: Engine, row: SweepRow, by: str, more: Sequence[Command] = ()) -> bool:
    """Pause a sweep: nothing of it is sent any more, what runs goes on. False if it was paused.

    Raises Conflict if it is over. `more` are plain writes that go with it.
    """
    if row.over:
        raise Conflict(f"{row.name} is over; there is nothing to pause")
    (recorded,) = await engine.triggers.record([Item(take=engine.sweeps.pause(row.id, by), commands=more)])
    begun = await _begun_by(engine, row)
    await engine.triggers.record([Item(take=engine.sweeps.pause(child.id, by)) for child in begun])
    return recorded.written


async def resume(engine: Engine, row: SweepRow) -> bool:
    """Let a paused sweep go on. False if it was not paused."""
    for child in await _begun_by(engine, row):
        await engine.sweeps.resume(child.id)
    await engine.sweeps.resume(row.id)
    return bool(row.paused)


async def cancel(engine: Engine, row: SweepRow, by: str, *, stop_running: bool, more: Sequence[Command] = ()) -> None:
    """End a sweep. What was not sent is withdrawn by the beat that leads; runs are stopped only if asked.

    Raises Conflict if it is over. `more` are plain writes that go with it.
    """
    if row.over:
        raise Conflict(f"{row.name} is over already; there is nothing to cancel")
    reason = f"cancelled by {by}"
    stopping = f"its sweep was {reason}" if stop_running else ""
    ids = [row.id, *(child.id for child in await _begun_by(engine, row))]
    commands = [command for identity in ids for command in engine.sweeps.end(identity, reason, stopping)]
    await engine.triggers.record([Item(commands=[*commands, *more])])


async def _begun_by(engine: Engine, row: SweepRow) -> list[SweepRow]:
    """Give the sweeps that a backfill has begun, and that are not over."""
    return [child for child in await engine.sweeps.children(row.id) if not child.over]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """What became of a wish to run trials again."""

    again: int = 0
    """Trials that are to have another run."""
    replayed: int = 0
    """Trials whose run could not be started, and which wait again."""


async def retry(engine: Engine, row: SweepRow, schedules: Mapping[str, Schedule], *, stopped: bool = False) -> Retried:
    """Run again what failed, under the same numbers; with `stopped`, also what was stopped. Raises InvalidInput."""
    if begun := await engine.sweeps.children(row.id):
        done = [await retry(engine, child, schedules, stopped=stopped) for child in begun]
        return Retried(again=sum(each.again for each in done), replayed=sum(each.replayed for each in done))
    results = await engine.sweeps.all_results(row)
    wanted = [each for each in results.values() if each.failed or (stopped and each.fate == "stopped")]
    if not wanted:
        return Retried()
    if row.ended and row.open:
        raise Conflict(f"{row.name} is being wound up, {row.open} of its trials are still on their way; try again soon")
    trials = await read_trials(engine.sweeps, row, schedules, Past(engine.pauses, engine.results, engine.sweeps))
    await _reopen(engine, row)
    again = replayed = 0
    for result in wanted:
        if result.fate == TriggerState.DEAD:
            replayed += await _replay(engine, row, trials, result)
        else:
            again += await _again(engine, row, trials, result)
    fresh = await engine.sweeps.get(row.id)
    if fresh is not None and fresh.finished is not None:
        # A beat found it to be over just before the first of its trials was open again.
        await _reopen(engine, fresh)
    return Retried(again=again, replayed=replayed)


async def _reopen(engine: Engine, row: SweepRow) -> None:
    taken_back = [engine.sweeps.take_back(row)] if row.parent else []
    await engine.triggers.record([*taken_back, Item(commands=engine.sweeps.reopen(row))])


async def _replay(engine: Engine, row: SweepRow, trials: Trials, result: TrialResult) -> bool:
    trigger = trials.again(row, result.number, result.runs - 1, engine.clock())
    if await engine.triggers.replay(trigger.id) is not TriggerState.DEAD:
        return False
    item = Item(take=engine.sweeps.forget(row.id, result.number), commands=engine.sweeps.reopen(row))
    await engine.triggers.record([item])
    return True


async def _again(engine: Engine, row: SweepRow, trials: Trials, result: TrialResult) -> bool:
    trigger = trials.again(row, result.number, result.runs, engine.clock())
    entry = Entry(trigger=trigger, fire_time=trigger.fire_time)
    bucket = "stopped" if result.fate == "stopped" else "failed"
    # With each of them: a beat that looks in between sees that nothing goes on, and takes the sweep for over.
    commands = [*engine.sweeps.reopen(row), *engine.sweeps.count(row.id, **{bucket: -1, "started": -1})]
    item = Item(take=engine.sweeps.forget(row.id, result.number), commands=commands, entries=[entry])
    # Its metrics may not have been read yet; they would be counted twice when the new run ends.
    unread = Item(
        take=engine.sweeps.measured(row.id, result.number), commands=engine.sweeps.count(row.id, measuring=-1)
    )
    _, recorded = await engine.triggers.record([unread, item])
    return recorded.written


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """How many trials a sweep had and has."""

    before: int
    total: int


async def larger(engine: Engine, row: SweepRow, more: int) -> SweepDefinition:
    """Give the definition of a sweep with so many more trials. Raises Conflict."""
    if row.kind is Kind.BACKFILL:
        raise Conflict(NO_LARGER)
    definition = decode_sweep(await engine.sweeps.definition(row.id))
    sweep = definition.sweep
    if sweep.method not in ENDLESS or sweep.run_cap is None:
        raise Conflict(f"{row.name} is a {sweep.method} sweep: edit its definition, and do not say how many more")
    return replace(definition, sweep=replace(sweep, run_cap=sweep.run_cap + more))


async def extend(engine: Engine, row: SweepRow, definition: SweepDefinition, more: Sequence[Command] = ()) -> Extended:
    """Give a sweep the trials that a larger definition has beyond its own. Raises Conflict.

    `more` are plain writes that go with it.
    """
    if row.kind is Kind.BACKFILL:
        raise Conflict(NO_LARGER)
    old = decode_sweep(await engine.sweeps.definition(row.id))
    if definition.target != old.target:
        raise Conflict(f"what {row.name} runs was changed (pipeline, template or configuration): start a new sweep")
    try:
        sweep = extended(old.sweep, definition.sweep)
    except ValueError as error:
        raise Conflict(f"{row.name} cannot be extended: {error}") from error
    content, mark = mark_of(encode_sweep(replace(definition, sweep=sweep)))
    await engine.triggers.record([Item(commands=[*engine.sweeps.extend(row.id, content, mark, sweep.size), *more])])
    if not row.paused:
        await engine.sweeps.resume(row.id)
    return Extended(before=row.total, total=sweep.size)
