"""The runtime of this process, for Celery's doors: made when first needed, after any fork, closed at the end."""

import os
import threading

from worker.celery import publish, settings
from worker.engine.runtime import Runtime
from worker.logs import configure

_lock = threading.RLock()  # a signal handler of Celery's may come in while the main thread holds it
_runtimes: dict[int, Runtime] = {}


def runtime() -> Runtime:
    """Give this process's runtime. A forked child makes its own: threads and sockets do not survive a fork."""
    with _lock:
        if os.getpid() not in _runtimes:
            _runtimes.clear()
            _runtimes[os.getpid()] = Runtime(settings, publish)
        return _runtimes[os.getpid()]


def close_runtime() -> None:
    """End this process's runtime, if it has one."""
    with _lock:
        found = _runtimes.pop(os.getpid(), None)
    if found is not None:
        found.close()


def configure_logs() -> None:
    """Log as the settings say, in place of Celery's own set-up."""
    configure(settings.log_level, settings.log_format)
