"""What a ZenML server can do, by its version: routes, scope, body fields. Data; the reasons stand beside it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Version = tuple[int, int, int]

FIRST: Version = (0, 63, 0)
"""The first version with run templates; older ones start runs in another way."""

TEMPLATES_BY_PIPELINE: Version = (0, 67, 0)
ONE_OF: Version = (0, 70, 0)
SNAPSHOTS: Version = (0, 90, 0)
PROJECTS: Version = (0, 80, 0)
LINKS_WITH_PROJECT: Version = (0, 83, 0)
PARTIAL_PARAMETERS: Version = (0, 82, 1)
IDEMPOTENCY_KEY: Version = (0, 83, 1)
STOP: Version = (0, 84, 0)
HOOKS: Version = (0, 95, 0)

BODY_FIELDS: Mapping[str, Version] = {
    "run_name": FIRST,
    "enable_cache": FIRST,
    "enable_artifact_metadata": FIRST,
    "enable_artifact_visualization": FIRST,
    "enable_step_logs": FIRST,
    "steps": FIRST,
    "settings": FIRST,
    "extra": FIRST,
    "model": FIRST,
    "retry": FIRST,
    "failure_hook_source": FIRST,
    "success_hook_source": FIRST,
    "parameters": FIRST,
    "schedule": FIRST,
    "build": FIRST,
    "tags": (0, 70, 0),
    "substitutions": (0, 71, 0),
    "enable_pipeline_logs": (0, 81, 0),
    "cache_policy": (0, 85, 0),
    "execution_mode": (0, 85, 0),
    "environment": SNAPSHOTS,
    "secrets": SNAPSHOTS,
    "init_hook_source": SNAPSHOTS,
    "init_hook_kwargs": SNAPSHOTS,
    "cleanup_hook_source": SNAPSHOTS,
    "enable_heartbeat": (0, 93, 1),
    "start_hook_source": HOOKS,
    "end_hook_source": HOOKS,
    "pause_hook_source": HOOKS,
    "resume_hook_source": HOOKS,
}
"""Fields of a run configuration, and the version from which on a server knows them.

Source: `PipelineRunConfiguration` in each release on PyPI from 0.63.0 to 0.98.0; below, `StepConfigurationUpdate`.
"""

STEP_FIELDS: Mapping[str, Version] = {
    "enable_cache": FIRST,
    "enable_artifact_metadata": FIRST,
    "enable_artifact_visualization": FIRST,
    "enable_step_logs": FIRST,
    "step_operator": FIRST,
    "experiment_tracker": FIRST,
    "parameters": FIRST,
    "settings": FIRST,
    "extra": FIRST,
    "failure_hook_source": FIRST,
    "success_hook_source": FIRST,
    "model": FIRST,
    "retry": FIRST,
    "outputs": FIRST,
    "substitutions": (0, 71, 0),
    "cache_policy": (0, 85, 0),
    "environment": SNAPSHOTS,
    "secrets": SNAPSHOTS,
    "runtime": (0, 91, 1),
    "heartbeat_healthy_threshold": (0, 93, 0),
    "group": (0, 93, 2),
    "start_hook_source": HOOKS,
    "end_hook_source": HOOKS,
}
"""Fields of a step's configuration, likewise. `name` was one before 0.67, and did nothing."""

FIRST_UNFINISHED = ("initializing", "running")
"""Statuses of runs that go on, on the first servers."""

UNFINISHED = (
    "initializing",
    "provisioning",
    "queued",
    "running",
    "paused",
    "resuming",
    "retrying",
    "stopping",
    "cancelling",
)
"""The same, of all servers. A server that does not know one of them compares text, and finds nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a server of one version can do. Made by `capabilities`."""

    templates: bool
    templates_by_pipeline: bool
    """Before, a list of templates that is filtered by pipeline ends with 500."""
    one_of: bool
    """Before, the filter `oneof:` is taken for a plain text, and finds nothing."""
    snapshots: bool
    projects: bool
    """Scope is `?project=`; before, it is the path `/workspaces/…`."""
    links_with_project: bool
    partial_parameters: bool
    """Before, the body has to carry every parameter of every step."""
    idempotency_key: bool
    stop: bool
    """Runs can be stopped."""


def parse(text: str) -> Version | None:
    """Read a version such as `0.98.0` or `0.83.1rc2`; None if it is none."""
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def capabilities(version: Version) -> Capabilities:
    """Tell what a server of this version can do."""
    return Capabilities(
        templates=version >= FIRST,
        templates_by_pipeline=version >= TEMPLATES_BY_PIPELINE,
        one_of=version >= ONE_OF,
        snapshots=version >= SNAPSHOTS,
        projects=version >= PROJECTS,
        links_with_project=version >= LINKS_WITH_PROJECT,
        partial_parameters=version >= PARTIAL_PARAMETERS,
        idempotency_key=version >= IDEMPOTENCY_KEY,
        stop=version >= STOP,
    )
