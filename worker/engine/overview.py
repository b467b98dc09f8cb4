"""All at a glance: how the schedules stand, what runs, waits and is due, and the hours around now of some of them."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worker.domain.errors import Fault
from worker.domain.standing import Standing
from worker.engine.briefs import first_fires, read_briefs
from worker.engine.foresight import Foresight
from worker.engine.overviewlines import REACH, TROUBLE, Line, in_order, read_lines
from worker.engine.readiness import read_readiness
from worker.engine.runtime import Engine
from worker.source import Definitions
from worker.store.codec import instant
from worker.store.figures import Figures, read_figures

__all__ = ["REACH", "SHOWN", "TROUBLE", "Line", "Overview", "read_overview"]

SHOWN = 30
"""Schedules of which there is a timeline."""

LATELY = timedelta(minutes=1)
"""A limit of ours that held something back within this counts as holding it back now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What is known of all, at one instant."""

    at: datetime
    standings: Mapping[Standing, int]
    """How many schedules stand how; none is 0."""
    faults: Sequence[Fault] = ()
    """What is wrong with the schedule files, and with what was made over the API."""
    figures: Figures = field(default_factory=Figures)
    held_back: str = ""
    """Why triggers that are ready are not sent, in a clause; "" if nothing holds them back."""
    left_alone: bool = False
    """Nothing is sent to ZenML but a probe now and then: it is away, or refuses the login."""
    next: tuple[str, datetime] | None = None
    """What is due next, and when."""
    checks: Mapping[str, str] = field(default_factory=dict)
    """As `read_readiness` tells: for `redis`, `beat` and `worker`, `ok` or what is wrong."""
    lines: Sequence[Line] = ()
    beyond: Mapping[Standing, int] = field(default_factory=dict)
    """How those stand that have no line."""

    @property
    def schedules(self) -> int:
        """How many there are."""
        return sum(self.standings.values())

    @property
    def troubled(self) -> int:
        """How many are not as they should be. That one is paused somebody wanted, as a rule."""
        return sum(self.standings.get(each, 0) for each in TROUBLE)

    @property
    def attention(self) -> int:
        """How many somebody should look at: the troubled ones, and those that are paused."""
        return self.troubled + self.standings.get(Standing.PAUSED, 0)


async def read_overview(
    engine: Engine,
    definitions: Definitions,
    now: datetime,
    *,
    foresight: Foresight,
    booked: Iterable[str] = (),
    shown: int = SHOWN,
) -> Overview:
    """Read it; `booked` are the names of what was made over the API, `shown` how many lines there are.

    Raises StoreUnavailable.
    """
    checks = asyncio.create_task(read_readiness(engine))
    try:
        broken = frozenset(booked) - definitions.named.keys()
        briefs = await read_briefs(engine, [*definitions.named, *broken], broken, now)
        foresight.keep(definitions.named)
        firsts = await first_fires(foresight, definitions.schedules, briefs, now)
        figures = await read_figures(engine.redis, engine.keys)
        server = await engine.limits.state()
        names = in_order(briefs, firsts)
        shown_briefs = {name: briefs[name] for name in names[:shown]}
        lines = await read_lines(engine, definitions, shown_briefs, firsts, foresight, now)
    finally:
        answered = await checks
    due = min(((when, name) for name, when in firsts.items()), default=None)
    return Overview(
        at=now,
        standings=Counter(brief.standing for brief in briefs.values()),
        faults=definitions.faults,
        figures=figures,
        held_back=_held_back(server, figures, now),
        left_alone="open" in server,
        next=(due[1], due[0]) if due else None,
        checks=answered,
        lines=lines,
        beyond=Counter(briefs[name].standing for name in names[shown:]),
    )


def _held_back(server: Mapping[str, str], figures: Figures, now: datetime) -> str:
    """Say what keeps the dispatcher from sending what is ready."""
    if "open" in server:
        return f"ZenML is left alone: {server.get('why') or 'it does not answer as it should'}"
    pause = _moment(server, "pause")
    if pause is not None and pause > now:
        return f"ZenML has asked to be left alone until {pause:%H:%M:%S} UTC"
    if not figures.ready:
        return ""
    throttled = _moment(server, "throttled")
    if throttled is not None and now - throttled < LATELY:
        return "a limit of ours holds them back (ZENBEAT_MAX_PER_MINUTE, ZENBEAT_MAX_PER_DAY, ZENBEAT_TAG_LIMITS)"
    if "capped" in server and "window" in server:
        return f"ZenML takes no more than {float(server['window']):.0f} launches at a time"
    return ""


def _moment(server: Mapping[str, str], name: str) -> datetime | None:
    return instant(int(server[name])) if name in server else None
