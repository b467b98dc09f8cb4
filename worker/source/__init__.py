"""Floor 1: the schedule files. From YAML to schedules and sweeps, with every fault as `file:line:column`."""

from worker.source.definitions import Definitions
from worker.source.directory import Source, lint

__all__ = ["Definitions", "Source", "lint"]
