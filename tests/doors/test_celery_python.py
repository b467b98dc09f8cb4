"""Celery applications in environments that have Celery alone: zenbeat is not installed there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from worker.domain.trigger import Origin, trigger_id

from .conftest import Door
from .document import REDIS, block
from .places import python_with, run

NEWEST = ("celery[redis]>=5.7,<6",)
OLD = ("celery[redis]==5.2.7", "kombu==5.2.4", "redis<5")
"""Of 2022, with what it was used with then."""


@pytest.fixture(params=[NEWEST, OLD], ids=["newest", "old"])
def python(request: pytest.FixtureRequest) -> Path:
    """The Python of somebody else."""
    return python_with(*request.param)


def test_zenbeat_is_not_there(python: Path) -> None:
    run([str(python), "-c", "import importlib.util as u; assert u.find_spec('celery') and not u.find_spec('worker')"])


def test_what_the_document_sends_starts_its_run(python: Path, door: Door, eventually: Callable[..., None]) -> None:
    program = block("Celery from Python", "python", {REDIS: door.broker})
    for _ in range(2):
        run([str(python), "-c", program])
    eventually(lambda: "known already" in door.stack.logs(), what="the repeat")
    eventually(lambda: door.stack.outcomes("started"), what="a run")
    (started,) = door.stack.outcomes()
    assert started["trigger"] == trigger_id(Origin.CELERY, "upload-4711")
    (posted,) = door.stack.demo.state.runs.values()
    assert posted.configuration["steps"] == {"model_trainer": {"parameters": {"model_type": "rf"}}}


def test_the_older_form_of_celerys_messages_is_read_too(
    python: Path, door: Door, eventually: Callable[..., None]
) -> None:
    program = block("Celery from Python", "python", {REDIS: door.broker})
    older = program.replace("app.send_task", "app.conf.task_protocol = 1\napp.send_task")
    run([str(python), "-c", older])
    eventually(lambda: door.stack.outcomes("started"), what="a run")
    assert door.stack.outcomes("started")[0]["trigger"] == trigger_id(Origin.CELERY, "upload-4711")


def test_many_are_sent_by_one_message(python: Path, door: Door, eventually: Callable[..., None]) -> None:
    program = block("Many from Python", "python", {REDIS: door.broker})
    for _ in range(2):
        run([str(python), "-c", program])
    eventually(lambda: len(door.stack.outcomes("started")) == 3, what="three runs")
    eventually(lambda: door.stack.logs().count("known already") == 3, what="the repeats")
    known = {trigger_id(Origin.CELERY, f"night-17/{lr}") for lr in (0.1, 0.01, 0.001)}
    assert {outcome["trigger"] for outcome in door.stack.outcomes("started")} == known
    posted = [one.configuration["steps"]["model_trainer"]["parameters"] for one in door.stack.demo.state.runs.values()]
    assert sorted(parameters["lr"] for parameters in posted) == [0.001, 0.01, 0.1]
