"""What decides about a schedule's fires besides its definition, as Redis has it."""

from collections.abc import Sequence
from datetime import datetime

from worker.domain.errors import InvalidInput
from worker.domain.results import Result
from worker.domain.schedule import Schedule
from worker.engine.following import Upstream
from worker.engine.planner import Known
from worker.engine.plans import State
from worker.store.pauses import PauseStore
from worker.store.results import ResultStore
from worker.store.sweeps import SweepStore


class Past:
    """Reads it for many schedules at once, and no more than they need."""

    def __init__(self, pauses: PauseStore, results: ResultStore, sweeps: SweepStore) -> None:
        self._pauses = pauses
        self._results = results
        self._sweeps = sweeps

    async def states(self, schedules: Sequence[Schedule], lost: datetime | None = None) -> dict[str, State]:
        """Give the state of each schedule; `lost` is when Redis was found empty, if it was."""
        if not schedules:
            return {}
        pauses = await self._pauses.all()
        curious = [schedule.name for schedule in schedules if "last_success" in schedule.target.uses]
        successes = await self._results.last_successes(curious)
        sweeping = await self._sweeping() if any(schedule.sweep for schedule in schedules) else frozenset()
        return {
            name: State(lost=lost, pause=pauses.get(name), last_success=successes.get(name), sweeping=name in sweeping)
            for name in (schedule.name for schedule in schedules)
        }

    async def _sweeping(self) -> frozenset[str]:
        """Give the schedules of which a sweep is not over; what a backfill has begun does not keep them busy."""
        rows = await self._sweeps.active()
        return frozenset(row.name for row in rows if row.fire_time is not None and not row.parent and not row.over)

    async def since_resumed(self, schedule: str, count: int) -> list[Result]:
        """Read the newest results of a schedule, newest first, since a person has let it go on."""
        resumed = await self._pauses.resumed(schedule)
        results = await self._results.newest(schedule, count)
        return [result for result in results if resumed is None or result.ended >= resumed]

    async def known(self, schedule: Schedule) -> Known:
        """Give what a schedule would know if it fired now, by hand: of each that it follows, the last success.

        Raises InvalidInput if it needs that, and there is none.
        """
        names = [upstream.schedule for upstream in (schedule.after.upstreams if schedule.after else ())]
        successes = await self._results.last_successes([schedule.name, *(name for name in names if name)])
        upstreams = []
        for name in names:
            success = successes.get(name or "")
            if success is not None:
                upstreams.append(
                    Upstream(
                        run_id=success.run_id or "",
                        run_name=success.run_name or "",
                        fire_time=success.fire_time,
                        ended=success.ended,
                        schedule=name,
                        pipeline=success.pipeline or "",
                        status=success.fate,
                    )
                )
        if len(upstreams) < len(names) and schedule.target.uses & {"upstream", "upstreams"}:
            raise InvalidInput(
                f"{schedule.name} takes from the run that it follows, and zenbeat knows of none that completed"
            )
        return Known(last_success=successes.get(schedule.name), upstreams=tuple(upstreams))
