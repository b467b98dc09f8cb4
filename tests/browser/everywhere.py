"""What tests of every page share: the installation that is told, and a way from page to page."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from tests.browser.story import Say, Story, tell
from tests.server.living import Living
from worker.demo.zenml import DEMO_API_KEY, DemoServer
from worker.settings import load_settings

SOON = timedelta(milliseconds=20)

SOONER = (
    "worker.engine.pace.QUICKEST",
    "worker.engine.looking.QUICKEST",
    "worker.engine.watcher.QUICKEST",
    "worker.engine.watcher.REGULARLY",
    "worker.engine.winding.AGAIN",
    "worker.engine.measuring.REPORTS_EVERY",
)
"""Runs are looked at as often as the story takes steps."""


@contextmanager
def told(redis_server: str, folder: Path, say: Say = str) -> Iterator[tuple[Living, Story]]:
    """Tell the story on an emptied Redis; gives the API beside it, and what there is to look at."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    with DemoServer(capacity=None, failure_rate=0) as demo:
        environment = {
            "REDIS_URL": redis_server,
            "SCHEDULES_DIR": str(folder),
            "ZENML_STORE_URL": demo.url,
            "ZENML_STORE_API_KEY": DEMO_API_KEY,
        }
        with Living(load_settings(environment, folder)) as living:
            with pytest.MonkeyPatch.context() as patch:
                for name in SOONER:
                    patch.setattr(name, SOON)
                story = tell(living, demo, folder, say)
            yield living, story
