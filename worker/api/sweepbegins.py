"""What stands before a sweep: may the caller begin it, does its first trial fit, what would it run, at what cost."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from worker.api.access import Caller
from worker.api.context import Context
from worker.api.sweepshapes import LINK, Begun, SweepPlan, plan_view
from worker.domain.access import Area
from worker.domain.errors import Fault, InvalidInput
from worker.engine.definitions import encode_sweep, mark_of
from worker.engine.newsweeps import Defined, find_defined
from worker.engine.sweepcheck import MOST_TRIALS, check_sweep
from worker.engine.sweepcost import estimate
from worker.engine.sweeping import start
from worker.source.inline import build_sweep

SHOWN = 10
"""Trials of a plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A sweep that somebody asks for."""

    defined: Defined
    named: bool
    """It stands in the schedule files."""
    warnings: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A sweep that its caller may begin, and whose first trial fits."""

    wanted: Wanted
    trials: int
    unchecked: str
    """Why its first trial was not held against what it would start; "" if it was."""

    @property
    def fingerprint(self) -> str:
        """Give the fingerprint of the definition."""
        return mark_of(encode_sweep(self.wanted.defined.definition))[1]


async def examine(context: Context, caller: Caller, words: Any) -> Ready:
    """See what is asked for: `{name}` of one of the schedule files, or a definition. Begins nothing.

    Raises InvalidInput with every fault, CallRefused.
    """
    wanted = await _wanted(context, words)
    await _check_allowed(caller, wanted)
    trials = await _counted(wanted)
    return Ready(wanted=wanted, trials=trials, unchecked=await _check(context, wanted))


async def plan_of(context: Context, ready: Ready) -> SweepPlan:
    """Tell what it would run, and what that costs."""
    definition = ready.wanted.defined.definition
    sweep = definition.sweep
    head = await asyncio.to_thread(sweep.head, SHOWN) if sweep.computed else []
    return plan_view(
        await estimate(definition, context.engine),
        [_placed(fault) for fault in ready.wanted.warnings],
        ready.unchecked,
        name=definition.name,
        pipeline=definition.target.pipeline,
        method=sweep.method.value,
        trials=ready.trials,
        first=[{"trial": number, "params": params} for number, params in enumerate(head, 1)],
    )


async def begin_it(context: Context, caller: Caller, ready: Ready, key: str) -> tuple[Begun, bool]:
    """Begin it. Gives what is on record, and whether that is new: the same key again is the same sweep.

    Raises Conflict when the key stands for another one.
    """
    defined = ready.wanted.defined
    name = defined.definition.name
    told = caller.audited("sweep.begin", name, after=_summary(ready.wanted, ready.trials))
    audit = context.engine.audit.add(told)
    identity, new = await start(
        context.engine, defined.definition, caller.own(key), defined.zone, [audit], by=caller.name
    )
    return Begun(id=identity, name=name, trials=ready.trials, url=LINK + identity), new


async def _wanted(context: Context, words: Any) -> Wanted:
    if isinstance(words, Mapping) and set(words) == {"name"}:
        definitions = await context.book.read()
        try:
            return Wanted(defined=find_defined(definitions, str(words["name"])), named=True)
        except InvalidInput as error:
            # It is the body that is wrong: the path is there.
            raise InvalidInput([replace(fault, path="name") for fault in error.faults]) from error
    built = await asyncio.to_thread(build_sweep, words, context.engine.settings.schedules_dir)
    return Wanted(defined=Defined(definition=built.definition), named=False, warnings=built.warnings)


async def _check_allowed(caller: Caller, wanted: Wanted) -> None:
    """See that the caller may begin it. To operate is to begin what is defined, and nothing else."""
    target = wanted.defined.definition.target
    if not wanted.named:
        await caller.check_trigger(target.pipeline, target.project)
    elif not caller.may_trigger(target.pipeline, target.project):
        await caller.check(Area.OPERATE)


async def _counted(wanted: Wanted) -> int:
    sweep = wanted.defined.definition.sweep
    if (sweep.run_cap or 0) > MOST_TRIALS:
        raise _too_many(wanted, sweep.run_cap or 0)
    # Where conditions leave points out, all of them are looked at.
    trials = await asyncio.to_thread(lambda: sweep.size)
    if trials > MOST_TRIALS:
        raise _too_many(wanted, trials)
    return trials


def _too_many(wanted: Wanted, trials: int) -> InvalidInput:
    message = f"{trials:,} trials are more than can be begun here ({MOST_TRIALS:,}); say with run_cap how many to run"
    return InvalidInput([Fault(path="name" if wanted.named else "run_cap", message=message)])


async def _check(context: Context, wanted: Wanted) -> str:
    """Hold the first trial against ZenML. What is wrong with a sweep of the files has its place there."""
    try:
        return await check_sweep(context.engine, wanted.defined)
    except InvalidInput as error:
        if not wanted.named:
            raise
        raise InvalidInput([Fault(path="name", message=_placed(fault)) for fault in error.faults]) from error


def _placed(fault: Fault) -> str:
    place = ":".join(str(part) for part in (Path(fault.file).name if fault.file else "", fault.line or "") if part)
    return ": ".join(part for part in (place, fault.path, fault.message) if part)


def _summary(wanted: Wanted, trials: int) -> str:
    definition = wanted.defined.definition
    said = {"pipeline": definition.target.pipeline, "trials": trials, "sweep": definition.sweep.definition()}
    return orjson.dumps({key: value for key, value in said.items() if key != "sweep" or not wanted.named}).decode()
