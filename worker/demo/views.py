"""How the demo server's things look over the wire: the shapes of ZenML 0.98."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from worker.demo.state import PROJECT, DemoRun, DemoState, Runnable, config_schema, config_template


def instant(moment: datetime) -> str:
    """ZenML's timestamps are UTC without saying so."""
    return moment.replace(tzinfo=None).isoformat()


def pipeline(state: DemoState, name: str) -> dict[str, Any]:
    """Show a pipeline."""
    body = {"created": None, "updated": None, "user_id": None, "project_id": str(PROJECT)}
    return {"id": str(state.pipelines[name]), "name": name, "body": body, **REST}


def runnable(state: DemoState, item: Runnable, *, hydrate: bool, schema: bool) -> dict[str, Any]:
    """Show a template or snapshot; hydrated with the configuration, and its schema where asked for."""
    parent = {"id": str(state.pipelines[item.pipeline]), "name": item.pipeline}
    body = {
        "created": instant(item.created),
        "updated": instant(item.created),
        "project_id": str(PROJECT),
        "runnable": True,
        "hidden": False,
        "deployable": False,
        "is_dynamic": False,
        "pipeline_id": parent["id"],
    }
    metadata = None
    if hydrate:
        metadata = {
            "config_template": config_template(item.pipeline),
            "config_schema": config_schema(item.pipeline) if schema else None,
        }
    shown = {"id": str(item.id), "name": item.name, "body": body, **REST}
    return {**shown, "metadata": metadata, "resources": {"pipeline": parent, "tags": []}}


def run(state: DemoState, item: DemoRun) -> dict[str, Any]:
    """Show a run."""
    status = item.status(state.options.now())
    body = {
        "created": instant(item.created),
        "updated": instant(item.created),
        "user_id": None,
        "project_id": str(PROJECT),
        "status": status,
        "status_reason": "The step failed, as demos sometimes do." if status == "failed" else None,
        "in_progress": status not in {"completed", "failed", "stopped"},
        "index": item.index,
        "pipeline_id": str(state.pipelines[item.pipeline]),
    }
    resources = {
        "pipeline": {"id": body["pipeline_id"], "name": item.pipeline},
        "tags": [{"id": None, "name": tag} for tag in item.tags],
    }
    metadata = {"config": item.config, "run_metadata": {}}
    return {"id": str(item.id), "name": item.name, "body": body, **REST, "metadata": metadata, "resources": resources}


REST: Mapping[str, Any] = {"metadata": None, "resources": {}, "permission_denied": False}
