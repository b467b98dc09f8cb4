"""ZenML's REST API as zenbeat uses it: find, prepare, start, look."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from pydantic import ValidationError

from worker.domain.errors import NotFound, Refused, ZenMLError
from worker.zenml import body as bodies
from worker.zenml.auth import Clock, make_auth
from worker.zenml.check import check
from worker.zenml.classify import READ, START, STOP, Reader, asked_to_stop, failure
from worker.zenml.following import Following
from worker.zenml.lookup import Lookup, is_id
from worker.zenml.models import Launch, PipelineRef, Resolution, Route, Run, ServerInfo, Startable
from worker.zenml.options import MEBIBYTE, ZenMLOptions
from worker.zenml.questions import API, DEFAULT_PROJECT, Filters, Questions
from worker.zenml.replies import Items, RunItem, Runs, Started
from worker.zenml.server import Server
from worker.zenml.versions import FIRST_UNFINISHED, UNFINISHED
from worker.zenml.wire import Answer, Wire

OPENAPI_BYTES = 16 * MEBIBYTE
"""ZenML's description of itself has 865 KB; it is the one answer that may be larger than others."""

TRIGGER_PATHS = (f"{API}/run_templates/{{template_id}}/runs", f"{API}/pipeline_snapshots/{{snapshot_id}}/runs")


class ZenML:
    """A client for one ZenML server, for one event loop. Connects and logs in at the first call.

    `clock` gives seconds that only go forward; `wall` the time of day, needed only where a server tells none.
    """

    def __init__(
        self,
        options: ZenMLOptions,
        *,
        clock: Clock = time.monotonic,
        wall: Callable[[], datetime] | None = None,
    ) -> None:
        auth = make_auth(options, clock, wall)
        self._options = options
        self._wire = Wire(options, auth)
        self._reader = Reader(remedy=auth.remedy, secrets=auth.secrets, wall=wall)
        self._questions = Questions(self._wire, self._reader, options.project)
        self._server = Server(self._questions, clock, wall)
        self._lookup = Lookup(self._questions)
        self._following = Following(self._questions)

    async def open(self) -> None:
        """Connect, ask for the version and log in, so that the first launch need not. Raises ZenMLError."""
        server = await self.info()
        await self._questions.page("pipelines", Items, server.capabilities, None, {"size": 1})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def info(self) -> ServerInfo:
        """Give what the server is; read again every five minutes, or after it did not know something."""
        return await self._server.info()

    async def ask(self) -> ServerInfo:
        """Ask the server what it is, now: to see whether it is there. Raises ZenMLError."""
        return await self._server.ask()

    def scope(self, project: str | None) -> str | None:
        """Give the project that a call about `project` is about: the settings' one for None; None is the server's."""
        return self._questions.scope(project)

    async def find_pipeline(self, name_or_id: str, project: str | None = None) -> PipelineRef:
        """Find a pipeline. Raises NotFound with the nearest name that there is."""
        return await self._lookup.pipeline(await self.info(), name_or_id, project)

    async def find_target(
        self, pipeline: str, template: str | None = None, snapshot: str | None = None, project: str | None = None
    ) -> Resolution:
        """Find what is to be started. Without template and snapshot: the newest of the pipeline that can be started.

        Raises NotFound with the nearest name, Refused for what cannot run.
        """
        server = await self.info()
        try:
            found = await self._lookup.pipeline(server, pipeline, project)
            return await self._lookup.target(server, found, template, snapshot)
        except NotFound:
            self._server.doubt()
            raise

    async def startables(self, pipeline: str | None = None, project: str | None = None) -> list[Startable]:
        """List what runs can be started from: templates and named snapshots, of each kind the newest 100."""
        server = await self.info()
        found = await self._lookup.pipeline(server, pipeline, project) if pipeline else None
        return await self._lookup.startables(server, project, found)

    async def prepare(self, resolution: Resolution, body: bodies.Body) -> Launch:
        """Check a run configuration and make the POST of it. Raises BodyRefused that names every fault."""
        check(resolution, body)
        return bodies.prepare(resolution, body, await self.info())

    async def start(self, launch: Launch, idempotency_key: str | None = None) -> Run:
        """Start a run. `idempotency_key` is a UUID.

        Raises Unclear if a run may have been started; NameTaken, BodyRefused, NotFound, Refused, AccessDenied,
        AtCapacity or NotSent if none was.
        """
        server = await self.info()
        headers = {"content-type": "application/json"}
        if idempotency_key and server.capabilities.idempotency_key:
            headers["idempotency-key"] = idempotency_key
        answer = await self._wire.write(launch.url, launch.content, headers)
        started = _started(answer)
        if started is None:
            if answer.status in {404, 405}:
                self._server.doubt()
            raise failure(answer, START, self._reader, _what(launch))
        return self._run(started, launch.project)

    async def find_run(self, name: str, project: str | None = None) -> Run | None:
        """Look a run up by its exact name, with its tags."""
        filters = {"name": f"equals:{name}", "hydrate": "true"}
        page = await self._runs(filters, project)
        found = next((item for item in page.items if item.name == name), None)
        return self._run(found, self._questions.scope(project) or "") if found else None

    async def oldest_runs(self, tag: str, name_prefix: str, count: int, project: str | None = None) -> list[Run]:
        """List the oldest runs with a tag, and those whose names begin so: up to `count` of each.

        A run can be without its tag, when the server died in between; servers before 0.70 have no tags for runs.
        """
        scope = self._questions.scope(project) or ""
        oldest: Filters = {"sort_by": "asc:created", "size": count, "hydrate": "true"}
        # Each name of the filter is one version's; a server ignores the other, and one that ignores both gives all.
        tagged = await self._runs({**oldest, "tag": tag, "tags": tag}, project)
        named = await self._runs({**oldest, "name": f"startswith:{name_prefix}"}, project)
        runs = [self._run(item, scope) for item in (*tagged.items, *named.items)]
        return [run for run in runs if tag in run.tags or run.name.startswith(name_prefix)]

    async def unfinished_runs(self, tag: str, project: str | None = None) -> list[Run]:
        """List the runs with a tag that have not ended, up to a hundred; none on servers without tags for runs."""
        server, scope = await self.info(), self._questions.scope(project) or ""
        one_of = f"oneof:{orjson.dumps(UNFINISHED).decode()}"
        found: list[Run] = []
        for status in [one_of] if server.capabilities.one_of else FIRST_UNFINISHED:
            filters: Filters = {"tag": tag, "tags": tag, "status": status, "size": 100, "hydrate": "true"}
            found += [self._run(item, scope) for item in (await self._runs(filters, project)).items]
        return [run for run in found if tag in run.tags and run.status in UNFINISHED]

    async def completed_runs(self, pipeline: str, count: int = 20, project: str | None = None) -> list[Run]:
        """List the newest runs of a pipeline that completed, with when they began and ended. Raises NotFound."""
        found = await self.find_pipeline(pipeline, project)
        filters: Filters = {
            "pipeline_id": found.id,
            "status": "equals:completed",
            "sort_by": "desc:created",
            "size": count,
            "hydrate": "true",
        }
        runs = [self._run(item, found.project) for item in (await self._runs(filters, project)).items]
        # A server ignores a filter that it does not know.
        return [run for run in runs if run.status == "completed" and run.pipeline_id == found.id]

    async def delete_run(self, run: Run) -> None:
        """Delete a run, which frees its name. One that is gone already is fine."""
        answer = await self._wire.change("DELETE", f"{API}/runs/{run.id}")
        if answer.status not in {200, 204, 404}:
            raise failure(answer, READ, self._reader, f"run {run.id}")

    async def run(self, identity: str) -> Run:
        """Read a run. Raises NotFound."""
        if not is_id(identity):
            raise NotFound(f'"{identity}" is not the id of a run', code="not_found")
        await self.info()  # for the link
        item = await self._questions.get(f"{API}/runs/{identity}", RunItem, what=f"run {identity}")
        return self._run(item, "")

    async def runs_with_status(self, ids: Sequence[str], status: str, project: str | None = None) -> set[str]:
        """Tell which of at most 100 runs have a status; those that are gone have none."""
        one_of = f"oneof:{orjson.dumps(list(ids)).decode()}"
        page = await self._runs({"id": one_of, "status": f"equals:{status}", "size": len(ids)}, project)
        # A server that does not know a filter gives everything.
        return {str(item.id) for item in page.items if item.body.status == status} & set(ids)

    async def changed_runs(self, since: datetime | None, project: str | None = None, *, most: int = 200) -> list[Run]:
        """List the runs of a project that have changed since then by the server's clock, the oldest change first.

        `since` is rounded down to the second, and None is the beginning. Whoever gets `most` runs has to ask again,
        since the `updated` of the last one: what changed in that second comes again, and what else did comes with it;
        if nothing new comes, more than `most` runs changed in that second, and `most` must be larger. A change may
        be seen some seconds late, when the server was slow to write it: whoever follows begins that much earlier.
        Two changes can bear the same `updated` (MySQL keeps whole seconds): what is new is told by the status.
        Raises NotSent if the server does not list them so.
        """
        items = await self._following.changed(await self.info(), since, project, most)
        return [self._run(item, self._questions.scope(project) or "") for item in items]

    async def runs(self, ids: Sequence[str], project: str | None = None) -> list[Run]:
        """Read runs by their ids, in no order; those that are gone are left out. Asks for a hundred at once."""
        items = await self._following.by_id(await self.info(), ids, project)
        return [self._run(item, self._questions.scope(project) or "") for item in items]

    async def metrics(self, run_ids: Sequence[str], project: str | None = None) -> dict[str, Run]:
        """Read runs with their `metadata`, by their ids; those that are gone are left out. Asks for a hundred at once.

        What a run reports while it goes on is told as well; of one that reports megabytes, nothing. Raises NotSent for
        what may be well the next time.
        """
        items = await self._following.by_id(await self.info(), run_ids, project, hydrate=True)
        return {str(item.id): self._run(item, self._questions.scope(project) or "") for item in items}

    async def stop_run(self, run_id: str, *, force: bool = False) -> None:
        """Ask a run to stop when its step has finished; with `force` at once, where what executes it can do that.

        One that is asked already is fine.

        Raises NotYet while nothing executes it, NotFound if it is gone, Refused if it has ended, or if the server
        cannot stop runs.
        """
        server = await self.info()
        if not is_id(run_id):
            raise NotFound(f'"{run_id}" is not the id of a run', code="not_found")
        if not server.capabilities.stop:
            raise Refused(
                f"this ZenML server ({server.version_text}) cannot stop runs; that came with 0.84", code="cannot_stop"
            )
        answer = await self._wire.change(
            "POST", f"{API}/runs/{run_id}/stop", {"graceful": "false" if force else "true"}
        )
        if not asked_to_stop(answer):
            raise failure(answer, STOP, self._reader, f"run {run_id}")

    async def can_trigger(self) -> bool | None:
        """Tell whether the server has a route that starts runs; None if it does not describe itself."""
        try:
            answer = await self._wire.read("/openapi.json", anonymous=True, max_bytes=OPENAPI_BYTES)
            paths = orjson.loads(answer.content)["paths"] if answer.status == 200 else None
        except (ZenMLError, orjson.JSONDecodeError, KeyError, TypeError):
            return None
        return any("post" in paths.get(path, {}) for path in TRIGGER_PATHS) if isinstance(paths, dict) else None

    def _link(self, run_id: str, project: str) -> str | None:
        """Give the address of a run's page in the dashboard, where the server tells its own."""
        server = self._server.known
        base = (server.dashboard_url or server.server_url) if server else None
        if server is None or base is None:
            return None
        if server.capabilities.links_with_project or (server.pro and server.capabilities.projects):
            return f"{base}/projects/{project or DEFAULT_PROJECT}/runs/{run_id}"
        return f"{base}/runs/{run_id}"

    async def _runs(self, filters: Filters, project: str | None) -> Runs:
        server = await self.info()
        return await self._questions.page("runs", Runs, server.capabilities, project, filters)

    def _run(self, item: Started, project: str) -> Run:
        identity = str(item.id)
        scope = str(item.body.project_id) if item.body.project_id else project
        run = Run(
            id=identity,
            name=item.name,
            status=item.body.status,
            status_reason=item.body.status_reason,
            project=scope,
            created=item.body.created,
            updated=item.body.updated,
            url=self._link(identity, scope),
        )
        return replace(run, **_looked_up(item)) if isinstance(item, RunItem) else run


def _started(answer: Answer) -> Started | None:
    """Read a started run; None if the answer tells of none."""
    if answer.status not in {200, 201, 202}:
        return None
    try:
        return Started.model_validate_json(answer.content)
    except ValidationError:
        return None


def _looked_up(item: RunItem) -> dict[str, Any]:
    """Give the fields of a Run that only a look tells."""
    pipeline = item.pipeline
    return {
        "tags": tuple(tag.name for tag in item.resources.tags) if item.resources else (),
        "pipeline": (pipeline.name or "") if pipeline else "",
        "pipeline_id": str(pipeline.id) if pipeline else "",
        "ended": item.metadata.end_time if item.metadata else None,
        "metadata": item.metadata.run_metadata if item.metadata else {},
    }


def _what(launch: Launch) -> str:
    """Name what a launch starts, for a sentence."""
    *_, route, identity, _runs = launch.url.split("/")
    return f"{Route(route).word} {identity}"
