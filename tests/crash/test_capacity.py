"""A server that takes two launches at once is neither harmed nor left idle."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from .site import Site, wait

CAPACITY = 2
SUBMIT_SECONDS = 0.15
"""How long a launch holds its slot: less than on any real server, which makes it harder, and the test shorter."""

TRIGGERS = 500


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "site", capacity=CAPACITY, submit_seconds=SUBMIT_SECONDS) as site:
        site.complete()
        yield site


def test_hundreds_of_triggers_fill_two_slots_and_hardly_one_is_refused(site: Site) -> None:
    with Celery("somebody", broker=site.url, set_as_current=False) as app:
        for number in range(TRIGGERS):
            request = {"pipeline": "training", "idempotency_key": str(number)}
            app.send_task("worker.trigger", kwargs=request, queue="zenbeat")
    begun = time.monotonic()
    ideal = TRIGGERS / CAPACITY * SUBMIT_SECONDS
    wait(lambda: len(site.demo.state.runs) >= TRIGGERS, "all runs", 4 * ideal)
    runs = site.demo.state.runs.values()
    assert len(runs) == TRIGGERS
    assert [run for run in runs if run.status(site.demo.state.now()) == "failed"] == []
    refused = site.demo.state.posts - TRIGGERS
    assert refused / site.demo.state.posts < 0.05
    # Throughput is measured by `bench`, not here: this only sees that the slots are not left idle.
    assert time.monotonic() - begun < 2 * ideal
