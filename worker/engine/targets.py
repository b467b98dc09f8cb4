"""Would it start? Finds what schedules and sweeps name, and holds a body against it; nothing is sent."""

from collections.abc import Mapping
from typing import Any

from worker.domain.errors import ZenMLError
from worker.domain.schedule import Target
from worker.zenml.client import ZenML
from worker.zenml.models import Resolution

Names = tuple[str, str | None, str | None, str | None]
"""Pipeline, template, snapshot and project."""


class Targets:
    """The targets of one look: many schedules start the same, and it is asked for once."""

    def __init__(self, zenml: ZenML) -> None:
        self._zenml = zenml
        self._found: dict[Names, Resolution | ZenMLError] = {}

    async def check(self, target: Target, body: Mapping[str, Any]) -> Resolution:
        """Find what a target stands for, and check the body that it would be sent. Raises ZenMLError."""
        resolution = await self.find(target)
        await self._zenml.prepare(resolution, body)
        return resolution

    async def find(self, target: Target) -> Resolution:
        """Find what a target stands for. Raises ZenMLError, the same one for the same names."""
        names = (target.pipeline, target.template, target.snapshot, target.project)
        if names not in self._found:
            try:
                self._found[names] = await self._zenml.find_target(*names)
            except ZenMLError as error:
                self._found[names] = error
        found = self._found[names]
        if isinstance(found, ZenMLError):
            raise found
        return found
