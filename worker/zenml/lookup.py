"""From names to what can be started: pipelines, run templates, snapshots."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from worker.domain.errors import NotFound, Refused
from worker.domain.nearest import did_you_mean
from worker.zenml.models import PipelineRef, Resolution, Route, ServerInfo, Startable
from worker.zenml.questions import API, Filters, Questions
from worker.zenml.replies import Item, Items

LISTED = 100
"""How many names are read for "did you mean"."""

NEWEST = 20
"""How many are looked through for the newest that can be started."""

SNAPSHOTS_CAME = "pipeline snapshots came with ZenML 0.90.0; name a run template (`template:`) instead"

HOW_TO_MAKE_ONE = (
    'make one from a run on a remote stack: `zenml pipeline snapshot create`, or "Create template" in the dashboard'
)


class Lookup:
    """Finds what names stand for."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    async def pipeline(self, server: ServerInfo, name_or_id: str, project: str | None) -> PipelineRef:
        """Find a pipeline. Raises NotFound with the nearest name that there is."""
        if is_id(name_or_id):
            item = await self._questions.get(f"{API}/pipelines/{name_or_id}", Item, what=f"pipeline {name_or_id}")
        else:
            filters = {"name": f"equals:{name_or_id}"}
            item = await self._named(server, "pipelines", name_or_id, project, filters, "pipeline")
        scope = item.project or self._questions.scope(project) or ""
        return PipelineRef(id=str(item.id), name=item.name or name_or_id, project=scope)

    async def target(
        self, server: ServerInfo, pipeline: PipelineRef, template: str | None, snapshot: str | None
    ) -> Resolution:
        """Find what is to be started: the snapshot or template that is named, else the pipeline's newest.

        The newest template goes before the newest named snapshot. Raises NotFound, and Refused for what cannot run.
        """
        if snapshot:
            if not server.capabilities.snapshots:
                raise Refused(f"ZenML {server.version_text} has no snapshots: {SNAPSHOTS_CAME}", code="version")
            found = await self._one(server, Route.SNAPSHOT, pipeline, snapshot)
        elif template:
            found = await self._one(server, Route.TEMPLATE, pipeline, template)
        else:
            return await self._newest(server, pipeline)
        return _checked(found, pipeline)

    async def startables(
        self, server: ServerInfo, project: str | None, pipeline: PipelineRef | None
    ) -> list[Startable]:
        """List templates and named snapshots of a pipeline, else of the project: of each kind the newest first."""
        routes = (Route.TEMPLATE, Route.SNAPSHOT) if server.capabilities.snapshots else (Route.TEMPLATE,)
        scope = pipeline.project if pipeline else project
        found = []
        for route in routes:
            own = _of(server, route, pipeline) if pipeline else {"named_only": "true"}
            filters = {**own, "sort_by": "desc:created", "size": LISTED}
            page = await self._questions.page(route.value, Items, server.capabilities, scope, filters)
            found += [_startable(route, item) for item in page.items if item.name and _of_pipeline(item, pipeline)]
        return found

    async def _one(self, server: ServerInfo, route: Route, pipeline: PipelineRef, wanted: str) -> Resolution:
        if is_id(wanted):
            return await self._hydrated(route, wanted, pipeline)
        filters = {"name": f"equals:{wanted}", **_of(server, route, pipeline)}
        whose = f"{route.word} for pipeline {pipeline.name}"
        item = await self._named(server, route.value, wanted, pipeline.project, filters, whose, pipeline)
        return await self._hydrated(route, str(item.id), pipeline)

    async def _newest(self, server: ServerInfo, pipeline: PipelineRef) -> Resolution:
        routes = (Route.TEMPLATE, Route.SNAPSHOT) if server.capabilities.snapshots else (Route.TEMPLATE,)
        for route in routes:
            own = _of(server, route, pipeline)
            filters = {**own, "sort_by": "desc:created", "size": NEWEST if own else LISTED}
            page = await self._questions.page(route.value, Items, server.capabilities, pipeline.project, filters)
            for item in page.items:
                if item.startable and item.name and _belongs(item, pipeline):
                    return _checked(await self._hydrated(route, str(item.id), pipeline), pipeline)
        things = " or named snapshot" if server.capabilities.snapshots else ""
        raise NotFound(
            f"pipeline {pipeline.name} has no run template{things} that can be run; {HOW_TO_MAKE_ONE}", code="not_found"
        )

    async def _named(
        self,
        server: ServerInfo,
        collection: str,
        name: str,
        project: str | None,
        filters: Filters,
        what: str,
        pipeline: PipelineRef | None = None,
    ) -> Item:
        """Find the one item of a name, and believe the server only what its items say."""
        page = await self._questions.page(collection, Items, server.capabilities, project, filters)
        if item := _of_name(page.items, name):
            return item
        everything = {key: value for key, value in filters.items() if key != "name"}
        # Newest first; a plain list would give the oldest.
        listed = {**everything, "size": LISTED, "sort_by": "desc:created"}
        page = await self._questions.page(collection, Items, server.capabilities, project, listed)
        names = {item.name for item in page.items if item.name and _of_pipeline(item, pipeline)}
        hint = did_you_mean(name, names) or (f" (there is: {_few(names)})" if names else "; there is none at all")
        raise NotFound(f'no {what} is named "{name}"{hint}', code="not_found")

    async def _hydrated(self, route: Route, identity: str, pipeline: PipelineRef) -> Resolution:
        filters = {"include_config_schema": "true"} if route is Route.SNAPSHOT else None
        path = f"{API}/{route.value}/{identity}"
        item = await self._questions.get(path, Item, what=f"{route.word} {identity}", filters=filters)
        if not (item.body is None or item.body.runnable):
            raise Refused(
                f'{route.word} "{item.name or identity}" cannot be run: it needs a build, and a remote stack',
                code="not_runnable",
            )
        owner = item.pipeline
        return Resolution(
            route=route,
            id=str(item.id),
            name=item.name or identity,
            pipeline_id=str(owner.id) if owner else pipeline.id,
            pipeline_name=(owner.name if owner else None) or pipeline.name,
            project=item.project or pipeline.project,
            config_template=(item.metadata.config_template if item.metadata else None) or {},
            config_schema=item.metadata.config_schema if item.metadata else None,
        )


def _startable(route: Route, item: Item) -> Startable:
    owner = item.pipeline
    name = (owner.name or str(owner.id)) if owner else ""
    return Startable(route=route, id=str(item.id), name=item.name or "", pipeline=name, runnable=item.startable)


def _of_pipeline(item: Item, pipeline: PipelineRef | None) -> bool:
    return pipeline is None or _belongs(item, pipeline)


def is_id(text: str) -> bool:
    """Tell an id from a name."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _of(server: ServerInfo, route: Route, pipeline: PipelineRef) -> Filters:
    """Filters for what belongs to a pipeline. Snapshots have no `pipeline_id`: it would be ignored, and match all."""
    if route is Route.TEMPLATE:
        return {"pipeline_id": pipeline.id} if server.capabilities.templates_by_pipeline else {}
    return {"pipeline": pipeline.id, "named_only": "true"}


def _belongs(item: Item, pipeline: PipelineRef) -> bool:
    """Whether an item is the pipeline's, as far as it tells."""
    return item.pipeline is None or str(item.pipeline.id) == pipeline.id


def _of_name(items: Sequence[Item], name: str) -> Item | None:
    """Give the item of exactly this name, else the only one that differs in case (MySQL compares so)."""
    exact = [item for item in items if item.name == name]
    alike = [item for item in items if item.name and item.name.casefold() == name.casefold()]
    found = exact or (alike if len(alike) == 1 else [])
    return found[0] if found else None


def _checked(found: Resolution, pipeline: PipelineRef) -> Resolution:
    """See that it is the pipeline's. Raises Refused if not: a run of another pipeline is never what was meant."""
    if found.pipeline_id != pipeline.id:
        raise Refused(f"the {found} does not belong to pipeline {pipeline.name}", code="other_pipeline")
    return found


def _few(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:5]) + (", …" if len(ordered) > 5 else "")
