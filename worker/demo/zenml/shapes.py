"""The JSON of users, projects, pipelines, snapshots and templates, as the version that is played gives it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from worker.demo.zenml.catalogue import Pipeline, Snapshot, Template, demo_id
from worker.demo.zenml.configuration import config_schema, config_template, run_name_template
from worker.demo.zenml.login import ACCOUNT
from worker.demo.zenml.state import DemoState
from worker.demo.zenml.versions import PROJECTS, SNAPSHOTS

JSON = dict[str, Any]

USER_ID = demo_id("user")
PROJECT_ID = demo_id("project")
STACK_ID = demo_id("stack")
BUILD_ID = demo_id("build")


def moment(value: datetime | None) -> str | None:
    """Write an instant as ZenML does: UTC, with no offset."""
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def envelope(identity: UUID, name: str | None, body: JSON, metadata: JSON | None, resources: JSON | None) -> JSON:
    """Put together what every thing of ZenML's looks like."""
    return {
        "body": body,
        "metadata": metadata,
        "resources": resources,
        "id": str(identity),
        "permission_denied": False,
        "name": name,
    }


class Shapes:
    """Things as JSON. `brief` is how a thing looks inside another one."""

    def __init__(self, state: DemoState) -> None:
        self.state = state
        self.modern = state.version >= SNAPSHOTS
        """Since 0.90: related things are in `resources`."""
        self.projects = state.version >= PROJECTS

    def body(self, created: datetime, updated: datetime | None = None) -> JSON:
        """Give what begins every body."""
        dates = {"created": moment(created), "updated": moment(updated or created)}
        if not self.projects:
            return {**dates, "user": self.user()}
        return {**dates, "user_id": str(USER_ID), "project_id": str(PROJECT_ID)}

    def metadata(self, **values: Any) -> JSON:
        """Give metadata; before 0.80 the workspace is in it."""
        return dict(values) if self.projects else {"workspace": self.project(hydrate=False), **values}

    def resources(self, **values: Any) -> JSON:
        """Give resources; since 0.80 the user is among them."""
        return {"user": self.user(), **values} if self.projects else values

    def user(self, *, hydrate: bool = False) -> JSON:
        """Show the one account."""
        body = {
            "created": moment(self.state.started),
            "updated": moment(self.state.started),
            "active": self.state.login.active,
            "activation_token": None,
            "full_name": ACCOUNT,
            "email_opted_in": False,
            "is_service_account": True,
            "is_admin": False,
            "default_project_id": None,
            "avatar_url": None,
        }
        metadata: JSON | None = {"email": None, "external_user_id": None, "user_metadata": {}} if hydrate else None
        return envelope(USER_ID, ACCOUNT, body, metadata, None)

    def project(self, *, hydrate: bool) -> JSON:
        """Show the one project."""
        name = self.state.options.project
        started = moment(self.state.started)
        body = {"created": started, "updated": started, "display_name": name}
        metadata = {"description": "", "project_metadata": {}} if hydrate else None
        return envelope(PROJECT_ID, name, body, metadata, None)

    def pipeline(self, pipeline: Pipeline, hydrate: bool) -> JSON:  # noqa: FBT001 - passed as a function
        """Show a pipeline."""
        latest = self._latest(pipeline.id)
        body = self.body(pipeline.created)
        resources = self.resources(latest_run_user=self.user() if latest["latest_run_id"] else None, tags=[])
        if self.projects:
            resources = {**resources, **latest, **({"visualizations": []} if self.modern else {})}
        else:
            body |= latest
        metadata = self.metadata(description=None) if hydrate else None
        return envelope(pipeline.id, pipeline.name, body, metadata, resources)

    def brief_pipeline(self, pipeline: Pipeline | None) -> JSON | None:
        """Show a pipeline inside of something else."""
        if pipeline is None or pipeline.id not in self.state.catalogue.pipelines:
            return None
        return envelope(pipeline.id, pipeline.name, self.body(pipeline.created), None, None)

    def brief_build(self) -> JSON:
        """Show the build that all share."""
        build = envelope(BUILD_ID, None, self.body(self.state.started), None, None)
        return {key: value for key, value in build.items() if key != "name"}

    def brief_stack(self) -> JSON:
        """Show the stack that all share."""
        body = {key: value for key, value in self.body(self.state.started).items() if key != "project_id"}
        return envelope(STACK_ID, "demo", body, None, None)

    def template(self, template: Template, hydrate: bool) -> JSON:  # noqa: FBT001 - passed as a function
        """Show a run template."""
        snapshot = self.state.catalogue.snapshots.get(template.snapshot) if template.snapshot else None
        body = {**self.body(template.created), "runnable": snapshot is not None}
        latest = self._latest(template.id)
        resources = self.resources(
            **{"source_snapshot" if self.modern else "source_deployment": self.brief_snapshot(snapshot)},
            pipeline=self.brief_pipeline(template.pipeline),
            build=self.brief_build() if snapshot else None,
            code_reference=None,
            tags=[],
        )
        if self.projects:
            body["hidden"] = template.hidden
            resources |= latest
        else:
            body |= latest
        metadata = None
        if hydrate:
            configuration = self._configuration(snapshot.pipeline if snapshot else None)
            metadata = self.metadata(description=None, pipeline_spec=None, **configuration)
        return envelope(template.id, template.name, body, metadata, resources)

    def snapshot(self, snapshot: Snapshot, hydrate: bool, *, with_schema: bool = False) -> JSON:  # noqa: FBT001
        """Show a snapshot; its configuration only if it is wanted."""
        latest = self._latest(snapshot.id)
        resources = self.resources(
            pipeline=self.brief_pipeline(snapshot.pipeline),
            stack=self.brief_stack(),
            build=self.brief_build(),
            schedule=None,
            code_reference=None,
            deployment=None,
            tags=[],
            **latest,
            latest_run_user=self.user() if latest["latest_run_id"] else None,
            visualizations=[],
        )
        metadata = None
        if hydrate:
            metadata = self.metadata(
                description=None,
                run_name_template=run_name_template(snapshot.pipeline),
                client_version=self.state.options.version,
                server_version=self.state.options.version,
                template_id=str(snapshot.template) if snapshot.template else None,
                source_snapshot_id=str(snapshot.source) if snapshot.source else None,
                **self._configuration(snapshot.pipeline if with_schema else None),
            )
        return envelope(snapshot.id, snapshot.name, self._snapshot_body(snapshot), metadata, resources)

    def brief_snapshot(self, snapshot: Snapshot | None) -> JSON | None:
        """Show a snapshot inside of something else."""
        if snapshot is None:
            return None
        return envelope(snapshot.id, snapshot.name, self._snapshot_body(snapshot), None, None)

    def _snapshot_body(self, snapshot: Snapshot) -> JSON:
        flags = {"runnable": True, "deployable": False, "is_dynamic": False}
        return {**self.body(snapshot.created), **flags, "pipeline_id": str(snapshot.pipeline.id)}

    def _latest(self, identity: UUID) -> JSON:
        run = self.state.runs.latest(identity)
        return {
            "latest_run_id": str(run.id) if run else None,
            "latest_run_status": run.status(self.state.now()) if run else None,
        }

    def _configuration(self, pipeline: Pipeline | None) -> JSON:
        if pipeline is None:
            return {"config_template": None, "config_schema": None}
        schema = config_schema(pipeline, self.state.version)
        return {"config_template": config_template(pipeline), "config_schema": schema}
