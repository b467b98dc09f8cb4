"""Floor 1: what to try next, and which parameters mattered, by Optuna. All in memory, nothing to wait for."""

from worker.study.influence import importance
from worker.study.study import Asked, Study

__all__ = ["Asked", "Study", "importance"]
