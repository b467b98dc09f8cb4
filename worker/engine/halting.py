"""Named points on a trigger's way at which a test may stop this process, to kill it or something else just then.

Only the crash tests set `ZENBEAT_HALT_FILE`. Whoever comes first to the point that the file names takes the file away
and stops itself with SIGSTOP: exactly there, with all its threads, until the test kills it or lets it go on.
"""

import os
import signal
from enum import StrEnum
from pathlib import Path


class Point(StrEnum):
    """Where a process can be stopped, in the order of a trigger's way."""

    BEFORE_RECORD = "before record"
    AFTER_RECORD = "after record"
    BEFORE_TRIALS = "before trials are recorded"
    AFTER_TRIALS = "after trials are recorded"
    BEFORE_DISPATCH = "before dispatch"
    AFTER_DISPATCH = "after dispatch"
    BEFORE_PUBLISH = "before publish"
    AFTER_PUBLISH = "after publish"
    DELIVERED = "after delivery and ack"
    BEFORE_CLAIM = "before claim"
    AFTER_CLAIM = "after claim"
    BEFORE_POST = "before POST"
    ANSWER_READ = "after answer read"
    BEFORE_SETTLE = "before result written"
    AFTER_SETTLE = "after result written"
    BEFORE_LOOK = "before the end of a run is recorded"
    AFTER_LOOK = "after the end of a run is recorded"
    BEFORE_REACT = "before what follows is recorded"
    AFTER_REACT = "after what follows is recorded"
    BEFORE_MEASURE = "before metrics are recorded"
    AFTER_MEASURE = "after metrics are recorded"
    BEFORE_LETTER = "before an alert is sent"
    AFTER_LETTER = "after an alert is sent"
    BEFORE_ACCEPT = "before a request is recorded"
    BEFORE_ANSWER = "before a request is answered"
    BEFORE_ACK = "before the ack of a request"


_files: list[Path] = []


def arm(file: Path | None) -> None:
    """From now on look into `file` at every point; None is how everybody but the crash tests lives."""
    _files[:] = [file] if file else []


def reached(point: Point) -> None:
    """Stop here, if this is the point that was asked for."""
    for file in _files:
        try:
            if file.read_text(encoding="utf-8") != point:
                continue
            file.unlink()  # the first one to come here; of two at once, one finds it gone
        except FileNotFoundError:
            continue
        os.kill(os.getpid(), signal.SIGSTOP)
