"""The runs that others start, of pipelines that schedules follow: found among what changed, and told once."""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from worker.domain.errors import AccessDenied, Refused
from worker.domain.fate import fate_of
from worker.engine.following import Wanted
from worker.engine.trouble import Trouble
from worker.store.events import EventStore
from worker.store.following import FollowingStore
from worker.store.items import Command
from worker.store.triggers import TriggerStore
from worker.zenml.client import ZenML
from worker.zenml.models import Run

logger = logging.getLogger("zenbeat.watcher")

LOOKED_UP_EVERY = timedelta(minutes=5)
MISSED_EVERY = timedelta(seconds=15)
"""How often a pipeline's project is looked up, and a pipeline that is not there."""

LONG_AGO = timedelta(minutes=10)
"""A run of others that ended so long before it changed last was only touched."""


class Others:
    """Knows which projects are to be asked for runs of others, and tells of the ends of these."""

    def __init__(
        self,
        *,
        zenml: ZenML,
        following: FollowingStore,
        triggers: TriggerStore,
        events: EventStore,
        now: Callable[[], datetime],
    ) -> None:
        self._zenml = zenml
        self._following = following
        self._triggers = triggers
        self._events = events
        self._now = now
        self._projects: dict[Wanted, tuple[datetime, str | None]] = {}
        self._trouble = Trouble(logger)
        self.wanted: frozenset[Wanted] = frozenset()
        """Pipelines that schedules follow."""

    async def projects(self) -> set[str]:
        """Give the projects of the pipelines. Raises ZenMLError."""
        self._projects = {wanted: known for wanted, known in self._projects.items() if wanted in self.wanted}
        return {project for wanted in self.wanted if (project := await self._project_of(wanted)) is not None}

    def is_in(self, wanted: Wanted, project: str) -> bool:
        """Tell whether a run of this project can be one of a pipeline that is wanted: names are unique in a project.

        Where that is not known, the name is believed, if nobody has said in which project it is to be.
        """
        _, known = self._projects.get(wanted, (None, None))
        if not known or not project:
            return wanted.project is None
        return known == project

    async def _project_of(self, wanted: Wanted) -> str | None:
        """Find a pipeline's project, in the form in which runs carry it; None while the pipeline is not there."""
        until, project = self._projects.get(wanted, (self._now(), None))
        if until > self._now():
            return project
        try:
            project, keep = (await self._zenml.find_pipeline(wanted.pipeline, wanted.project)).project, LOOKED_UP_EVERY
            self._trouble.over()
        except (Refused, AccessDenied) as error:
            if error.trouble:
                raise
            # It may come yet; until then nothing else waits for it.
            self._trouble.met(f"pipeline {wanted.pipeline} cannot be followed: {error}")
            project, keep = None, MISSED_EVERY
        self._projects[wanted] = (self._now() + keep, project)
        return project

    async def tell(self, runs: Iterable[Run], fence: str) -> None:
        """Make the ends known of runs that zenbeat did not start, where schedules follow their pipeline."""
        names = {wanted.pipeline for wanted in self.wanted}
        ended = {run.id: run for run in runs if fate_of(run.status) and {run.pipeline, run.pipeline_id} & names}
        for run_id in await self._new(list(ended)):
            run = ended[run_id]
            event = await self._end(run)
            await self._triggers.record([self._following.over(run_id, self._now(), event)], fence)

    async def _new(self, run_ids: Sequence[str]) -> list[str]:
        new = await self._following.news(run_ids)
        return [run_id for run_id in run_ids if run_id in new]  # in the order in which they ended

    async def _end(self, run: Run) -> Command | None:
        """Tell of the end of a run of others; None if it is ours, or ended long ago and was only touched now."""
        whole = await self._zenml.run(run.id)
        fate = fate_of(whole.status)
        ours = any(tag.startswith("zenbeat:trigger=") for tag in whole.tags)
        ended = whole.ended or whole.updated or self._now()
        if fate is None or ours or (run.updated and run.updated - ended > LONG_AGO):
            return None
        return self._events.add(
            fate.value,
            run_id=run.id,
            run_name=run.name,
            pipeline=run.pipeline,
            pipeline_id=run.pipeline_id,
            project=run.project,
            ended=ended,
            url=whole.url,
        )
