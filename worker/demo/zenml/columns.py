"""By what each list can be filtered and sorted."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from worker.demo.zenml.catalogue import Pipeline, Snapshot, Template
from worker.demo.zenml.filters import Column, Item, Kind
from worker.demo.zenml.runs import Run
from worker.demo.zenml.shapes import STACK_ID, USER_ID
from worker.demo.zenml.state import DemoState
from worker.demo.zenml.versions import NO_TAG_FILTER, PROJECTS

Thing = TypeVar("Thing", Pipeline, Template, Snapshot, Run)
Columns = Mapping[str, Column[Item]]


def pipelines(state: DemoState) -> Columns[Pipeline]:
    """Give the columns of pipelines."""

    def latest(pipeline: Pipeline) -> str | None:
        run = state.runs.latest(pipeline.id)
        return run.status(state.now()) if run else None

    return {**_dated(), "name": _text(lambda one: one.name), "latest_run_status": _text(latest)}


def templates(state: DemoState) -> Columns[Template]:
    """Give the columns of run templates."""
    return {
        **_dated(),
        "name": _text(lambda one: one.name),
        "pipeline_id": _text(lambda one: one.pipeline.id if one.pipeline else None),
        "pipeline": Column(Kind.NAME_OR_ID, lambda one: _name_and_id(one.pipeline)),
        "stack_id": _text(lambda _: STACK_ID),
        "hidden": Column(Kind.TRUTH, lambda one: one.hidden),
        **_tagged(state, lambda _: []),
    }


def snapshots(state: DemoState) -> Columns[Snapshot]:
    """Give the columns of snapshots. There is no `pipeline_id`: who filters by it gets everything."""
    return {
        **_dated(),
        "name": _text(lambda one: one.name),
        "pipeline": Column(Kind.NAME_OR_ID, lambda one: _name_and_id(one.pipeline)),
        "source_snapshot_id": _text(lambda one: one.source),
        "runnable": Column(Kind.TRUTH, lambda _: True),
        "deployable": Column(Kind.TRUTH, lambda _: False),
        **_tagged(state, lambda _: []),
    }


def runs(state: DemoState, status: Callable[[Run], str]) -> Columns[Run]:
    """Give the columns of runs; `status` gives a run's status in the words of the version."""
    now = state.now()
    columns: dict[str, Column[Run]] = {
        **_dated(),
        "updated": Column(Kind.MOMENT, lambda run: run.updated(now)),
        "name": _text(lambda run: run.name),
        "status": _text(status),
        "pipeline_id": _text(lambda run: run.snapshot.pipeline.id),
        "pipeline": Column(Kind.NAME_OR_ID, lambda run: _name_and_id(run.snapshot.pipeline)),
        "pipeline_name": _text(lambda run: run.pipeline),
        "template_id": _text(lambda run: run.snapshot.template),
        "snapshot_id": _text(lambda run: run.snapshot.id),
        "source_snapshot_id": _text(lambda run: run.snapshot.source),
        "stack_id": _text(lambda _: STACK_ID),
        "start_time": Column(Kind.MOMENT, lambda run: run.created),
        "end_time": Column(Kind.MOMENT, lambda run: run.course.ended if run.course.ended <= now else None),
        "run_metadata": Column(Kind.METADATA, lambda run: run.metadata(now)),
        **_tagged(state, lambda run: run.tags),
    }
    if state.version >= PROJECTS:
        columns["index"] = Column(Kind.NUMBER, lambda run: run.index)
        columns["in_progress"] = Column(Kind.TRUTH, lambda run: run.course.ended > now)
    return columns


def _dated() -> dict[str, Column[Thing]]:
    return {
        "id": _text(lambda one: one.id),
        "created": Column(Kind.MOMENT, lambda one: one.created),
        "updated": Column(Kind.MOMENT, lambda one: one.created),
        "user": Column(Kind.NAME_OR_ID, lambda _: (str(USER_ID),)),
    }


def _tagged(state: DemoState, read: Callable[[Item], list[str]]) -> dict[str, Column[Item]]:
    """Give the tag filters that the version has; the other ones are ignored, and then match everything."""
    names = {"tags": state.version >= PROJECTS, "tag": state.version < NO_TAG_FILTER}
    return {name: Column(Kind.TAGS, read) for name, there in names.items() if there}


def _text(read: Callable[[Item], Any]) -> Column[Item]:
    return Column(Kind.TEXT, lambda one: None if (value := read(one)) is None else str(value))


def _name_and_id(pipeline: Pipeline | None) -> tuple[str, ...]:
    return (pipeline.name, str(pipeline.id)) if pipeline else ()
