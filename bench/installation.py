"""A zenbeat of its own, started as users start it: Redis with its file synced at every write, a beat, a worker."""

import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from bench.clock import wait_until
from bench.processes import ROOT, Group
from worker.demo.valkey import EmbeddedRedis
from worker.store.keys import Keys

READY_SECONDS = 60.0

KEYS = Keys(prefix="zenbeat:")


class Installation:
    """Beat, one worker and Redis, with zenbeat's defaults, against a ZenML server at `url`.

    `tree` is the checkout whose zenbeat is measured, `extra` more settings.
    """

    def __init__(
        self,
        url: str,
        schedules: Path | str,
        key: str = "stub",
        tree: Path = ROOT,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self._url = url
        self._extra = extra or {}
        self._schedules = schedules
        self._key = key
        self._tree = tree

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="zenbeat-bench-")))
        self._group = Group(self.folder)
        server = EmbeddedRedis(self.folder / "redis")
        self.redis_url = self._stack.enter_context(server)
        self._group.count("redis", server.pid)
        self.redis = redis.Redis.from_url(self.redis_url, decode_responses=True)
        self._stack.callback(self.redis.close)
        self._stack.callback(self._group.end)
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def group(self) -> Group:
        """The processes that count."""
        return self._group

    def _start(self) -> None:
        folder = self._schedules
        if isinstance(folder, str):
            text, folder = folder, self.folder / "schedules"
            folder.mkdir()
            # JSON is YAML, and written in a moment.
            (folder / "bench.yaml").write_text(text)
        self.environment = {
            "REDIS_URL": self.redis_url,
            "ZENML_STORE_URL": self._url,
            "ZENML_STORE_API_KEY": self._key,
            "SCHEDULES_DIR": str(folder),
            "PYTHONPATH": str(self._tree),
            **self._extra,
        }
        for role in ("worker", "beat"):
            self._group.start(role, [sys.executable, "-m", "celery", "-A", "worker", role], self.environment)
        if not wait_until(self._ready, READY_SECONDS):
            raise RuntimeError(f"zenbeat is not ready within {READY_SECONDS} s")

    def _ready(self) -> bool:
        self._group.alive()
        return bool(self.redis.keys("zenbeat:heartbeat:worker:*")) and bool(self.redis.exists(KEYS.faults))

    def outcomes(self) -> int:
        """Count the outcomes on record."""
        found: Any = self.redis.xlen(KEYS.outcomes)
        return int(found)

    def recorded(self) -> int:
        """Count the outcomes that were ever recorded; the record itself keeps the newest ones."""
        if not self.redis.exists(KEYS.outcomes):
            return 0
        told: Any = self.redis.xinfo_stream(KEYS.outcomes)
        return int(told["entries-added"])

    def count_outcomes(self, **fields: str) -> int:
        """Count the outcomes that have these fields; slower than `outcomes`."""
        found: Any = self.redis.xrange(KEYS.outcomes)
        return sum(fields.items() <= outcome.items() for _, outcome in found)

    def quiet(self) -> bool:
        """Tell whether no trigger is on its way any more."""
        return not any(self.redis.zcard(key) for key in (KEYS.ready, KEYS.delayed, KEYS.inflight))


def document(**parts: Any) -> str:
    """Write a schedule file."""
    return json.dumps(parts)
