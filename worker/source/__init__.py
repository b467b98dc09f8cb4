"""Floor 1: the schedule files. From YAML to schedules and sweeps, with every fault as `file:line:column`."""

from worker.source.booked import ApiEntry, file_of, name_of
from worker.source.definitions import Definitions
from worker.source.directory import Source, lint

__all__ = ["ApiEntry", "Definitions", "Source", "file_of", "lint", "name_of"]
