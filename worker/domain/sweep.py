"""A parameter sweep: one definition, of which every trial is computed and none is stored.

Trial n follows from the definition and its seed alone, so that no trial can be lost or doubled, on whatever machine
and after whatever restart. Trials are numbered from 1, as people count them. Only those of `method: bayes` are asked of
a study, which is elsewhere.

The words are W&B's (docs.wandb.ai, "Sweep configuration options") and some more: docs/sweeps.md. A parameter whose name
has a dot is a path into the run configuration; one without goes to the templates alone, as `params.<name>`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Optional

from worker.domain.agreement import agree, names_of
from worker.domain.axes import Space, axes_of
from worker.domain.condition import Condition
from worker.domain.grid import COUNTED, GridTrials
from worker.domain.jsonvalues import LARGEST_INTEGER, Path, canonical, describe
from worker.domain.overlay import overlay
from worker.domain.plainwords import Faults, note_unknown
from worker.domain.rules import NothingSatisfies, Rules
from worker.domain.samplers import LatinTrials, ListTrials, RandomTrials, SobolTrials, Trials
from worker.domain.sweepparts import Budget, EarlyStop, Goal, Method, Metric, StopWhen
from worker.domain.sweepwords import READERS, UNSUPPORTED

__all__ = [
    "Budget",
    "EarlyStop",
    "Goal",
    "Method",
    "Metric",
    "NothingSatisfies",
    "StopWhen",
    "Sweep",
    "SweepFaults",
    "fingerprint",
    "overlay",
    "parse_sweep",
]

_DRAWN: Mapping[Method, Callable[..., Trials]] = {
    Method.RANDOM: RandomTrials,
    Method.SOBOL: SobolTrials,
    Method.LHS: LatinTrials,
}


class SweepFaults(ValueError):
    """A sweep definition that cannot be used. `faults` has everything that is wrong: (path, sentence)."""

    def __init__(self, faults: Sequence[tuple[Path, str]]) -> None:
        self.faults = tuple(faults)
        lines = (f"{'.'.join(map(str, path))}: {sentence}" if path else sentence for path, sentence in self.faults)
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep as defined. `parse_sweep` makes and checks it."""

    method: Method
    parameters: Space = field(default_factory=dict)
    """Empty for `method: list`."""
    name: str = ""
    metrics: tuple[Metric, ...] = ()
    """None, one, or several to weigh against each other."""
    run_cap: int | None = None
    """The number of trials; of a grid and a list the most. Only they have an end of their own."""
    seed: int = 0
    """Another seed gives other random trials; a grid and a list do not use it."""
    max_parallel: int | None = None
    """The most trials at once; None is as many as the limits allow."""
    zip: tuple[tuple[str, ...], ...] = ()
    """Groups of parameters that go forward together."""
    when: Mapping[str, Condition] = field(default_factory=dict)
    """Of parameters that not every trial has; each follows those of the parameters that it reads."""
    where: tuple[Condition, ...] = ()
    """Trials for which one of them is false do not exist."""
    points: tuple[Mapping[str, Any], ...] = ()
    """Of `method: list`."""
    budget: Budget | None = None
    stop_when: StopWhen | None = None
    early_terminate: EarlyStop | None = None
    before: Optional["Sweep"] = None
    """What a grid extends: its trials come first, and then those that it does not have (`worker.domain.extension`)."""
    _trials: Trials | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare the trials, at no cost."""
        object.__setattr__(self, "_trials", _trials_of(self))

    @property
    def metric(self) -> Metric | None:
        """The first of the metrics."""
        return self.metrics[0] if self.metrics else None

    @property
    def names(self) -> tuple[str, ...]:
        """Every parameter that a trial may have, in the order written."""
        return names_of(self.parameters, self.points)

    @property
    def computed(self) -> bool:
        """Whether trials follow from the definition; those of `method: bayes` are asked of a study."""
        return self._trials is not None

    @property
    def size(self) -> int:
        """Count the trials. Where `when` or `where` leave some out, the first count looks at all of them."""
        if self._trials is None:
            return LARGEST_INTEGER if self.run_cap is None else self.run_cap
        return self._trials.size

    def trial(self, number: int) -> dict[str, Any]:
        """Compute the parameters of trial `number`, 1 <= number <= size, in the order in which they are written.

        The caller may change what it gets. Raises IndexError for a number that the sweep does not have, TypeError if it
        is not `computed`, NothingSatisfies if `where` holds for nothing as far as it is looked.
        """
        if self._trials is None:
            raise TypeError("the trials of a bayes sweep are asked of its study")
        point = self._trials.point(number) if number >= 1 else None
        if point is None:
            raise IndexError(f"there is no trial {number}; the sweep has trials 1 to {self.size}")
        return point

    def example(self) -> dict[str, Any]:
        """Give parameters such as a trial may have; of a sweep whose trials are computed, those of the first."""
        if self._trials is not None:
            return self.trial(1)
        axes, rules = axes_of(self.parameters, self.zip), Rules(self.when, self.where)
        return RandomTrials(axes, tuple(self.parameters), rules, self.seed, 1).point(1) or {}

    def head(self, count: int) -> list[dict[str, Any]]:
        """Compute the first `count` trials, or all if there are fewer."""
        found: list[dict[str, Any]] = []
        for number in range(1, count + 1):
            try:
                found.append(self.trial(number))
            except IndexError:
                break
        return found

    def has(self, params: Mapping[str, Any]) -> bool:
        """Tell whether a trial of this grid has these parameters. Raises TypeError for another method."""
        if not isinstance(self._trials, GridTrials):
            raise TypeError(f"the trials of a {self.method} sweep cannot be looked up")
        return self._trials.has(params)

    def definition(self) -> dict[str, Any]:
        """Write the sweep down in JSON's types, all defaults named; `parse_sweep` makes the same sweep of it."""
        metrics = [metric.definition() for metric in self.metrics]
        given: dict[str, Any] = {
            "name": self.name or None,
            "method": self.method.value,
            "metric": metrics[0] if len(metrics) == 1 else None,
            "parameters": {name: self._parameter(name) for name in self.parameters} or None,
            "run_cap": self.run_cap,
            "seed": self.seed,
            "max_parallel": self.max_parallel,
            "metrics": metrics if len(metrics) > 1 else None,
            "zip": [list(group) for group in self.zip] or None,
            "where": [condition.text for condition in self.where] or None,
            "points": [dict(point) for point in self.points] or None,
            "budget": self.budget and self.budget.definition(),
            "stop_when": self.stop_when and self.stop_when.definition(),
            "early_terminate": self.early_terminate and self.early_terminate.definition(),
            "before": self.before and self.before.definition(),
        }
        return {word: value for word, value in given.items() if value is not None}

    def _parameter(self, name: str) -> dict[str, Any]:
        condition = self.when.get(name)
        return self.parameters[name].definition() | ({"when": condition.text} if condition else {})


def fingerprint(sweep: Sweep) -> str:
    """Give the SHA-256 of the whole definition, 64 hex digits: equal if and only if the definitions are.

    The order of the parameters counts, because it is the order of a grid.
    """
    definition = sweep.definition()
    definition["parameters"] = list(definition.get("parameters", {}).items())
    if sweep.before is not None:
        definition["before"] = fingerprint(sweep.before)
    return sha256(canonical(definition).encode()).hexdigest()


def parse_sweep(raw: Mapping[str, Any]) -> Sweep:
    """Read a definition; None is as good as left out. `before` is there in what `definition` gave, never in a file.

    Raises SweepFaults with everything that is wrong. A path may lead to something that is missing.
    """
    faults: Faults = []
    if not isinstance(raw, Mapping):
        raise SweepFaults([((), f"has to be a mapping with method and parameters, not {describe(raw)}")])
    given = {word: value for word, value in raw.items() if value is not None}
    before = given.pop("before", None)
    note_unknown([word for word in raw if word != "before"], (), faults, READERS, UNSUPPORTED)
    words = {word: read(given[word], (word,), faults) for word, read in READERS.items() if word in given}
    if "method" not in given:
        faults.append((("method",), "method is missing"))
    fields = agree(words, faults)
    if faults:
        raise SweepFaults(faults)
    sweep = Sweep(**fields, before=None if before is None else parse_sweep(before))
    if sweep.where:
        _check_first(sweep)
    return sweep


def _check_first(sweep: Sweep) -> None:
    try:
        if sweep.computed and not sweep.head(1):
            raise SweepFaults([(("where",), _nothing(sweep))])
    except NothingSatisfies as error:
        raise SweepFaults([(("where",), str(error))]) from error


def _nothing(sweep: Sweep) -> str:
    if isinstance(sweep._trials, GridTrials) and sweep._trials.raw > COUNTED:
        return f"holds for none of the first {COUNTED} points; let the parameters that it reads stand last"
    return "holds for no trial at all"


def _trials_of(sweep: Sweep) -> Trials | None:
    if sweep.method is Method.BAYES:
        return None
    rules = Rules(sweep.when, sweep.where)
    if sweep.method is Method.LIST:
        return ListTrials(sweep.points, rules, sweep.run_cap)
    axes, order = axes_of(sweep.parameters, sweep.zip), tuple(sweep.parameters)
    if sweep.method is Method.GRID:
        before = sweep.before and sweep.before._trials
        return GridTrials(axes, order, rules, sweep.run_cap, before if isinstance(before, GridTrials) else None)
    return _DRAWN[sweep.method](axes, order, rules, sweep.seed, sweep.run_cap)
