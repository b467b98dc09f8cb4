"""The parts of a sweep's definition beside its search space: how trials are chosen, compared, and ended early."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from worker.domain.condition import Condition


class Method(StrEnum):
    """How the values of a trial are chosen."""

    GRID = "grid"
    """Every combination of the values once, the last parameter varying fastest."""
    RANDOM = "random"
    """Each value drawn from its distribution."""
    SOBOL = "sobol"
    """Drawn from a sequence that fills the space evenly, however many trials there are."""
    LHS = "lhs"
    """Latin hypercube: each parameter's range in as many strata as trials, one value in each."""
    BAYES = "bayes"
    """Asked of a study, which learns from the trials before."""
    LIST = "list"
    """The points that are written down."""


class Goal(StrEnum):
    """What is wanted of the metric."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What the trials are compared by."""

    name: str
    goal: Goal = Goal.MINIMIZE
    target: float | None = None
    """The sweep ends when a trial is as good."""

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        given = {"name": self.name, "goal": self.goal.value}
        return given if self.target is None else given | {"target": self.target}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much all runs of a sweep together may take; then no trial is started any more."""

    runs: int | None = None
    hours: float | None = None
    """Run time, of all runs together."""

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        return _given(runs=self.runs, hours=self.hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWhen:
    """What ends a sweep before its last trial."""

    failures: int | None = None
    """So many trials that failed."""
    reached: Condition | None = None
    """It holds for the metrics of a trial."""

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        return _given(failures=self.failures, reached=self.reached and self.reached.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStop:
    """When a run that does worse than others is stopped; the metric has to be logged as run metadata on the way."""

    kind: Literal["asha", "median"]
    resource: str = "step"
    """The name in the run's metadata of what counts upwards: epoch, step."""
    min_iter: float = 1
    """Nobody is stopped before so much of the resource."""
    eta: float = 3
    """asha: one in `eta` goes on at each rung, and rungs are a factor of `eta` apart."""
    min_trials: int = 1
    """Nobody is stopped before so many trials have come as far; 5 for median where nothing is said."""

    def definition(self) -> dict[str, Any]:
        """Write it down."""
        given = {"type": self.kind, "resource": self.resource, "min_iter": self.min_iter}
        return given | ({"eta": self.eta} if self.kind == "asha" else {}) | {"min_trials": self.min_trials}


def _given(**parts: Any) -> dict[str, Any]:
    return {word: value for word, value in parts.items() if value is not None}
