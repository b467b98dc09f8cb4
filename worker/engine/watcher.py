"""Follows every run to its end, with few questions.

What changed since the last look is asked for by project, in one question for all runs; a run itself is asked for only
now and then, for one that was deleted is not among what changed. Between two rounds the server is left alone for so
much longer than they took that following costs it no more than a fixed part of its time, however many runs there are.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from worker.domain.errors import NotFound, NotYet, ZenMLError
from worker.domain.results import usual_duration
from worker.engine.halting import Point, reached
from worker.engine.looking import Eye
from worker.engine.others import Others
from worker.engine.pace import QUICKEST, SLOWEST
from worker.engine.trouble import Trouble
from worker.store.codec import milliseconds
from worker.store.following import Followed, FollowingStore, Look
from worker.store.results import ResultStore
from worker.zenml.client import ZenML
from worker.zenml.models import Run

logger = logging.getLogger("zenbeat.watcher")

Answer = TypeVar("Answer")

CALM = 25
"""After a round the server is left alone for as many times as long as its answers took: 4 % of its time at the most."""

LONGEST_CALM = timedelta(seconds=20)
"""How long at the most: a round is short, and where it took long the server had much else to do."""

LONGEST_REST = timedelta(minutes=1)
"""How long it is left alone at the most when it did not answer: what it is to answer may be short."""

STANDBY_SECONDS = 0.5

AT_ONCE = 25
"""Runs of a project that are asked for by their ids in one round: many would keep the changes of others waiting."""

STOPS_AT_ONCE = 20

MOST_DUE = 1_000
MOST_CHANGED = 200
MOST_PAGES = 5
"""Pages of a project's changes that are read in one round; the rest can wait until the server had some rest."""

LONG_ROUND = 0.4
"""Seconds of answers after which the next page waits for the next round: the rest after a round is so much longer."""

OVERLAP = timedelta(seconds=10)
"""A change is looked for so much before the last one seen: what is committed late carries an earlier time."""

FRESH = timedelta(minutes=5)
"""How far the feed stays behind the server's clock where nothing changes: our idea of that clock may be wrong."""

STALE = timedelta(minutes=15)
"""A feed that is older was not read for a while. Nobody wants what changed before the oldest run that is followed."""


REGULARLY = timedelta(seconds=5)
"""How often a project that matters is asked for its changes at the least: it is one question for all its runs."""

BUSY = 2 * SLOWEST
"""A run is due at least that often."""

USUAL_FOR = timedelta(minutes=1)
"""How long it is believed how long the runs of a schedule take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How far a project's changes were seen, and from when on they are read this time; by ZenML's clock."""

    project: str
    seen: datetime
    begin: datetime
    now: datetime | None
    """None where its server does not tell."""


class Watcher:
    """Watches the runs of one server, for the beat that leads."""

    def __init__(
        self,
        *,
        zenml: ZenML,
        following: FollowingStore,
        results: ResultStore,
        others: Others,
        start_timeout: timedelta,
        now: Callable[[], datetime],
        calm: float = CALM,
    ) -> None:
        self._zenml = zenml
        self._following = following
        self._results = results
        self._now = now
        self._calm = calm
        self._eye = Eye(start_timeout, now)
        self._others = others
        self._trouble = Trouble(logger)
        self._usual: dict[str, tuple[datetime, timedelta | None]] = {}
        self._busy: dict[str, datetime] = {}
        """Projects with runs that are followed, and when one of these was due last."""
        self._asked: dict[str, datetime] = {}
        self._behind: dict[str, int] = {}
        """Projects whose changes were read up to here, but not to their end; what is committed late is before it."""
        self._took = 0.0

    async def watch(self, fence: Callable[[], str]) -> None:
        """Watch as long as the process lives, whenever it leads; `fence` gives its hold on the lead, "" without."""
        while True:
            held = fence()
            if not held:
                await asyncio.sleep(STANDBY_SECONDS)
                continue
            well = await self._watched(held)
            await asyncio.sleep(self.rest(well=well))

    async def _watched(self, fence: str) -> bool:
        return await self._trouble.during(self.round(fence), "runs cannot be followed")

    def rest(self, *, well: bool) -> float:
        """Give the seconds for which the server is left alone after the last round."""
        most = LONGEST_CALM if well else LONGEST_REST
        return max(QUICKEST.total_seconds(), min(self._calm * self._took, most.total_seconds()))

    async def trim(self, now: datetime) -> None:
        """Forget the ends that are no news any more."""
        await self._following.trim(now)

    async def round(self, fence: str) -> None:
        """Look at what is due. Raises ZenMLError, StoreUnavailable, LeadLost.

        What goes wrong with one project alone is raised when the others were looked at.
        """
        self._took = 0.0
        due = {each.id: each for each in await self._following.due(MOST_DUE)}
        await self._stop(list(due.values()))
        failures: list[ZenMLError] = []
        begun: dict[str, datetime] = {}
        for feed in await self._feeds(list(due.values())):
            try:
                for seen in await self._changes(feed, due, fence):
                    due.pop(seen, None)
                begun[feed.project] = feed.begin
            except ZenMLError as error:
                _raise_for_all(error)
                failures.append(error)
        missed = {each.id for each in due.values() if _missed(each, begun)}
        unsure = [each for each in due.values() if each.id in missed or self._eye.unsure(each)]
        checked = await self._check(sorted(unsure, key=lambda each: _urgency(each, missed)), failures)
        later = [each for each in due.values() if each.id not in checked | missed]
        await self._following.write([self._eye.later(each, await self._usually(each)) for each in later])
        if failures:
            raise failures[0]

    async def _timed(self, question: Awaitable[Answer]) -> Answer:
        begun = asyncio.get_running_loop().time()
        try:
            return await question
        finally:
            self._took += asyncio.get_running_loop().time() - begun

    async def _write(self, looks: Sequence[Look]) -> None:
        if any(look.fate for look in looks):
            reached(Point.BEFORE_LOOK)
        await self._following.write(looks)
        if any(look.fate for look in looks):
            reached(Point.AFTER_LOOK)

    # --- what changed

    async def _feeds(self, due: Sequence[Followed]) -> list[Feed]:
        """Give the projects to be asked about, each with the instant from which on."""
        wanted = await self._timed(self._others.projects())
        known = await self._following.feeds()
        skew = (await self._timed(self._zenml.info())).skew
        now = self._now() + timedelta(seconds=skew or 0)
        feeds = []
        for project in self._turn(due, wanted):
            seen = known.get(project)
            # Where it is not known what its clock shows, nothing is passed over.
            stale = seen is not None and skew is not None and project not in wanted and seen < now - STALE
            if seen is None or stale:
                oldest = await self._following.oldest(project)
                seen = max(seen or now - STALE, (oldest or now) - STALE)
            begin = seen if self._behind.get(project) == milliseconds(seen) else seen - OVERLAP
            feeds.append(Feed(project=project, seen=seen, begin=begin, now=None if skew is None else now))
            if project not in known:
                await self._following.seen(project, seen)
        return feeds

    def _turn(self, due: Sequence[Followed], wanted: AbstractSet[str]) -> list[str]:
        """Give the projects whose changes are to be read: a run of them is due, or it is a while since.

        `wanted` are those in which schedules follow runs of others.
        """
        now = self._now()
        for each in due:
            self._busy[each.project] = now
        self._busy = {project: seen for project, seen in self._busy.items() if now - seen < BUSY}
        regular = self._busy.keys() | wanted
        waiting = {project for project in regular if now - self._asked.get(project, now - REGULARLY) >= REGULARLY}
        projects = sorted({*(each.project for each in due), *waiting})
        self._asked.update(dict.fromkeys(projects, now))
        return projects

    async def _changes(self, feed: Feed, due: Mapping[str, Followed], fence: str) -> set[str]:
        """Look at what changed in a project; gives the triggers that were seen."""
        most, pages, begin, until = MOST_CHANGED, 0, feed.begin, feed.seen
        seen: set[str] = set()
        while True:
            runs = await self._timed(self._zenml.changed_runs(begin, feed.project or None, most=most))
            seen |= await self._look_at(runs, due.keys() - seen, fence)
            newest = max((run.updated for run in runs if run.updated), default=begin)
            pages += 1
            if newest > until:
                until = newest
                await self._following.seen(feed.project, until)
            if len(runs) < most:
                await self._all_seen(feed, until)
                return seen
            # By what is kept of it, or the next round would begin where this one did.
            further = milliseconds(until) > milliseconds(feed.seen)
            if further and (pages >= MOST_PAGES or self._took > LONG_ROUND):
                if feed.now and until < feed.now - OVERLAP:
                    self._behind[feed.project] = milliseconds(until)
                return seen
            # More than one page changed: go on from its end; where all of it has one time, ask for more at once.
            if newest.replace(microsecond=0) <= begin.replace(microsecond=0):
                most *= 2
            begin = max(begin, newest)

    async def _look_at(self, runs: Sequence[Run], due: AbstractSet[str], fence: str) -> set[str]:
        followed = await self._following.of_runs([run.id for run in runs])
        ours = [(followed[run.id], run) for run in runs if run.id in followed]
        looks = [look for one, run in ours if (look := self._eye.changed(one, run, due=one.id in due))]
        await self._write(looks)
        await self._timed(self._others.tell([run for run in runs if run.id not in followed], fence))
        return {look.id for look in looks}

    async def _all_seen(self, feed: Feed, until: datetime) -> None:
        self._behind.pop(feed.project, None)
        if feed.now and feed.now - FRESH - until > FRESH:
            await self._following.seen(feed.project, feed.now - FRESH)

    # --- runs themselves

    async def _check(self, unsure: Sequence[Followed], failures: list[ZenMLError]) -> set[str]:
        """Ask for some runs by their ids; gives the triggers that were seen."""
        by_project: dict[str, list[Followed]] = {}
        for each in unsure:
            by_project.setdefault(each.project, []).append(each)
        seen: set[str] = set()
        for project, listed in by_project.items():
            some = listed[:AT_ONCE]
            try:
                runs = await self._runs([each.run_id for each in some], project)
            except ZenMLError as error:
                _raise_for_all(error)
                failures.append(error)
                continue
            looks = [look for each in some if (look := self._eye.checked(each, runs.get(each.run_id)))]
            await self._write([replace(look, verified=True) for look in looks])
            seen |= {look.id for look in looks}
        return seen

    async def _runs(self, ids: Sequence[str], project: str) -> dict[str, Run]:
        try:
            return {run.id: run for run in await self._timed(self._zenml.runs(ids, project or None))}
        except NotFound as error:
            if error.code != "no_project" or not project:
                raise
            return {}  # it was deleted with all its runs

    async def _usually(self, followed: Followed) -> timedelta | None:
        schedule, now = followed.schedule, self._now()
        if not schedule:
            return None
        until, usual = self._usual.get(schedule, (now, None))
        if until <= now:
            usual = usual_duration(await self._results.newest(schedule))
            self._usual[schedule] = (now + USUAL_FOR, usual)
        return usual

    # --- stopping

    async def _stop(self, due: Sequence[Followed]) -> None:
        """Ask ZenML to stop the runs that are to make way; one that it cannot stop is waited for."""
        waiting = [each for each in due if each.stopping and each.stop_asked is None]
        for followed in waiting[:STOPS_AT_ONCE]:
            try:
                await self._timed(self._zenml.stop_run(followed.run_id, force=followed.by_force))
            except ZenMLError as error:
                _raise_for_all(error)
                self._tell_unstopped(followed, error)
                if error.retryable:
                    continue
            look = Look(id=followed.id, status=followed.status, wait=QUICKEST, stop_asked=self._now())
            await self._following.write([look])

    def _tell_unstopped(self, followed: Followed, error: ZenMLError) -> None:
        level = logging.DEBUG if isinstance(error, NotYet) else logging.WARNING
        logger.log(level, "run not stopped", extra={"run_id": followed.run_id, "reason": error})


def _raise_for_all(error: ZenMLError) -> None:
    """Raise what the other projects would meet as well."""
    if error.trouble:
        raise error


def _missed(followed: Followed, begun: Mapping[str, datetime]) -> bool:
    """Tell whether a run may have changed before it was known as ours, and before what was read just now."""
    begin = begun.get(followed.project)
    return followed.changed is not None and (begin is None or followed.changed < begin)


def _urgency(followed: Followed, missed: AbstractSet[str]) -> tuple[bool, datetime]:
    return followed.id not in missed, followed.verified or followed.accepted
