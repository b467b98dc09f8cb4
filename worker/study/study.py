"""Trials that learn from those before: Optuna's ask and tell, in memory only.

What is asked follows from the seed, the trial's number, and what is known of the others, in whatever order it was told:
a study that is built again from the outcomes goes on as the one that was lost would have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from math import isfinite, isnan
from typing import Any, Self

from worker.domain.axes import Space
from worker.domain.errors import MissingExtra
from worker.domain.rules import Rules
from worker.domain.samplers import MOST_DRAWS, share
from worker.domain.sweep import Sweep
from worker.domain.sweepparts import Metric
from worker.study.cube import Coordinates, Cube, Dimension
from worker.study.library import optuna

STARTUP = 10
"""Trials that have to be completed before the others learn from them; until then it is drawn at random."""

MOST_ASKED = 50
"""Times that the model is asked for one trial, where `where` refuses what it gives; then it is drawn at random."""

# quantile(1) is not there.
_END = 1 - 2**-53


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial to run."""

    params: dict[str, Any]
    """In the order written."""
    coordinates: Coordinates
    """What the study has to be told of it by; to be kept with the trial."""


class Study:
    """What is known of the trials of a sweep. For one thread at a time.

    Raises MissingExtra if Optuna is not installed.
    """

    def __init__(
        self,
        space: Space,
        metrics: Sequence[Metric],
        seed: int,
        *,
        rules: Rules | None = None,
        zips: Sequence[Sequence[str]] = (),
    ) -> None:
        self._optuna = optuna()
        if self._optuna is None:
            raise MissingExtra("method: bayes", "Optuna", "bayes")
        self._rules = rules or Rules()
        self._cube = Cube(space, zips, self._rules)
        self._directions = [metric.goal.value for metric in metrics]
        self._seed = seed
        self._distributions = {name: self._distribution(dimension) for name, dimension in self._cube.dimensions.items()}
        self._known: dict[int, Any] = {}

    @classmethod
    def of(cls, sweep: Sweep) -> Self:
        """Begin the study of a sweep."""
        rules = Rules(sweep.when, sweep.where)
        return cls(sweep.parameters, sweep.metrics, sweep.seed, rules=rules, zips=sweep.zip)

    def tell(self, number: int, coordinates: Mapping[str, int | float], values: Sequence[float] | None) -> None:
        """Say how a trial ended: its metrics in their order, or None if it has no result. NaN is no result.

        Raises ValueError for coordinates that are not of this study, or not as many values as there are metrics.
        """
        if values is not None and len(values) != len(self._directions):
            raise ValueError(f"trial {number} has {len(values)} values for {len(self._directions)} metrics")
        # A hypervolume of what is infinite is none; by one metric, an infinite loss is the worst.
        bad = values is None or any(isnan(value) or (len(values) > 1 and not isfinite(value)) for value in values)
        if bad:
            self._known.pop(number, None)
        else:
            self._known[number] = self._trial(number, coordinates, values)

    def pending(self, number: int, coordinates: Mapping[str, int | float]) -> None:
        """Say that a trial is going on, so that nothing near it is asked. `ask` has said so already."""
        self._known[number] = self._trial(number, coordinates, None)

    def ask(self, number: int) -> Asked:
        """Choose trial `number`. Raises NothingSatisfies if `where` holds for nothing that was drawn."""
        study = self._study(number)
        for _ in range(MOST_ASKED):
            trial = study.ask()
            asked = Asked(*self._cube.place(partial(self._suggest, trial)))
            if self._rules.admit(asked.params):
                break
            study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            asked = self._drawn(number)
        self.pending(number, asked.coordinates)
        return asked

    def _drawn(self, number: int) -> Asked:
        for attempt in range(MOST_DRAWS):
            asked = Asked(*self._cube.place(partial(self._draw, number, attempt)))
            if self._rules.admit(asked.params):
                return asked
        raise self._rules.nothing(f"{MOST_ASKED + MOST_DRAWS} draws for trial {number}")

    def _draw(self, number: int, attempt: int, dimension: Dimension) -> int | float:
        return dimension.at(share(self._seed, number, dimension.name, attempt))

    def _study(self, number: int) -> Any:
        """Make Optuna's study of all that is known. That takes 0.1 ms for each trial; what is made once has no past."""
        digest = sha256(f"{self._seed}\n{number}".encode()).digest()
        sampler = self._optuna.samplers.TPESampler(
            seed=int.from_bytes(digest[:4], "big"),
            n_startup_trials=STARTUP,
            multivariate=len(self._distributions) > 1,
            group=len(self._distributions) > 1 and bool(self._rules.when),
            constant_liar=True,
        )
        study = self._optuna.create_study(directions=self._directions, sampler=sampler)
        study.add_trials(self._known[other] for other in sorted(self._known) if other != number)
        return study

    def _trial(self, number: int, coordinates: Mapping[str, int | float], values: Sequence[float] | None) -> Any:
        foreign = set(coordinates) - set(self._distributions)
        if foreign:
            raise ValueError(f"trial {number} has a coordinate {min(foreign)}, which the sweep does not have")
        states = self._optuna.trial.TrialState
        return self._optuna.trial.create_trial(
            state=states.RUNNING if values is None else states.COMPLETE,
            params=dict(coordinates),
            distributions={name: self._distributions[name] for name in coordinates},
            values=values and [float(value) for value in values],
        )

    def _suggest(self, trial: Any, dimension: Dimension) -> int | float:
        if dimension.count is None:
            return float(trial.suggest_float(dimension.name, 0.0, _END))
        if dimension.ordered:
            return int(trial.suggest_int(dimension.name, 0, dimension.count - 1))
        return int(trial.suggest_categorical(dimension.name, range(dimension.count)))

    def _distribution(self, dimension: Dimension) -> Any:
        """Give what `_suggest` asks for, so that trials of the past are of the same space."""
        kinds = self._optuna.distributions
        if dimension.count is None:
            return kinds.FloatDistribution(0.0, _END)
        if dimension.ordered:
            return kinds.IntDistribution(0, dimension.count - 1)
        return kinds.CategoricalDistribution(range(dimension.count))
