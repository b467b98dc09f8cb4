"""GET something and read the answer; anything else becomes an error of the tree."""

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from worker.zenml.classify import READ, Reader, failure
from worker.zenml.versions import Capabilities
from worker.zenml.wire import Answer, Wire

Reply = TypeVar("Reply", bound=BaseModel)

API = "/api/v1"

DEFAULT_PROJECT = "default"
"""What ZenML calls the project (before 0.80: workspace) that everybody has; ZenML Pro has none."""

Filters = Mapping[str, str | int]


class Questions:
    """Reads ZenML's answers, by the path and scope that its version wants."""

    def __init__(self, wire: Wire, reader: Reader, project: str | None) -> None:
        self._wire = wire
        self._reader = reader
        self._project = project

    async def get(self, path: str, model: type[Reply], *, what: str, filters: Filters | None = None) -> Reply:
        """GET one thing. Raises NotFound, Refused, AccessDenied; NotSent for what may be well the next time."""
        reply, _ = await self.answered(path, model, what=what, filters=filters)
        return reply

    async def answered(
        self, path: str, model: type[Reply], *, what: str, filters: Filters | None = None, anonymous: bool = False
    ) -> tuple[Reply, Answer]:
        """Like `get`, with the answer itself."""
        answer = await self._wire.read(path, filters, anonymous=anonymous)
        try:
            if answer.status == 200:
                return model.model_validate_json(answer.content), answer
        except ValidationError:
            pass  # an answer that cannot be read is classified like any other that is not the wished-for one
        raise failure(answer, READ, self._reader, what)

    async def page(
        self, collection: str, model: type[Reply], server: Capabilities, project: str | None, filters: Filters
    ) -> Reply:
        """GET a page of a collection of one project.

        Every filter value that is a name must come as `equals:…`, and every item must be looked at: a server ignores
        filters that it does not know, and then gives everything.
        """
        scope = self.scope(project)
        what = collection.replace("_", " ")
        if server.projects:
            scoped = {**filters, "project": scope} if scope else filters
            return await self.get(f"{API}/{collection}", model, what=what, filters=scoped)
        path = f"{API}/workspaces/{quote(scope or DEFAULT_PROJECT, safe='')}/{collection}"
        return await self.get(path, model, what=what, filters=filters)

    def scope(self, project: str | None) -> str | None:
        """Give the project that a call is about; None is the server's default."""
        return project or self._project
