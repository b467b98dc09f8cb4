"""Which parameters mattered for a metric, whatever method chose the trials."""

from collections.abc import Mapping, Sequence
from math import isfinite, log
from statistics import median
from typing import Any

from worker.domain.axes import Space
from worker.domain.errors import InvalidInput, MissingExtra
from worker.domain.jsonvalues import sameness
from worker.domain.sweepparts import Goal
from worker.study.library import imported, optuna

Column = list[float] | list[int]
"""What the trials have of a parameter: floats from 0 to 1 for numbers, ints for names."""

FEWEST = 4
"""Trials, of which anything can be said."""

MOST_FOR_FANOVA = 200
"""Trials: 3 s. 1,000 take half a minute, and so many tell PED-ANOVA as much in 20 ms."""

TOP = 0.25
"""Share of the trials that PED-ANOVA calls good. Optuna's tenth leaves three of thirty."""

Sample = tuple[Mapping[str, Any], float]
"""The parameters of a trial that completed, and its metric."""


def importance(space: Space, samples: Sequence[Sample], goal: Goal) -> dict[str, float]:
    """Give each parameter's share in what made the metric differ, the greatest first; together they are 1.

    It is fANOVA's where scikit-learn is installed and the trials are few enough, else PED-ANOVA's: how much the good
    trials' values differ from all. A parameter that does not vary has 0. Raises MissingExtra, and InvalidInput if
    nothing can be said.
    """
    library = optuna()
    if library is None:
        raise MissingExtra("the importance of parameters", "Optuna", "bayes")
    samples = [(params, value) for params, value in samples if isfinite(value)]
    if len(samples) < FEWEST:
        raise InvalidInput(f"importance needs {FEWEST} completed trials with the metric; there are {len(samples)}")
    columns = {name: _column(name, space, [params for params, _ in samples]) for name in _names(samples)}
    varying = {name: column for name, column in columns.items() if len(set(column)) > 1}
    if not varying:
        raise InvalidInput("importance needs parameters that vary; all trials have the same")
    if len({value for _, value in samples}) == 1:
        raise InvalidInput(f"importance needs a metric that varies; it is {samples[0][1]:g} in all trials")
    shares = _evaluated(library, varying, [value for _, value in samples], goal)
    still = {name: 0.0 for name in columns if name not in varying}
    return dict(sorted((shares | still).items(), key=lambda item: -item[1]))


def _evaluated(library: Any, columns: Mapping[str, Column], values: Sequence[float], goal: Goal) -> dict[str, float]:
    kinds = library.distributions
    spaces = {
        name: kinds.CategoricalDistribution(range(int(max(column)) + 1))
        if isinstance(column[0], int)
        else kinds.FloatDistribution(0.0, 1.0)
        for name, column in columns.items()
    }
    study = library.create_study(direction=goal.value)
    study.add_trials(
        library.trial.create_trial(
            params={name: column[row] for name, column in columns.items()}, distributions=spaces, value=value
        )
        for row, value in enumerate(_scaled(values))
    )
    if len(values) <= MOST_FOR_FANOVA and imported("sklearn"):
        evaluator = library.importance.FanovaImportanceEvaluator(seed=0)
    else:
        evaluator = library.importance.PedAnovaImportanceEvaluator(target_quantile=TOP)
    found = library.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}


def _names(samples: Sequence[Sample]) -> list[str]:
    return list(dict.fromkeys(name for params, _ in samples for name in params))


def _column(name: str, space: Space, rows: Sequence[Mapping[str, Any]]) -> Column:
    """Give a float for each trial, from a number or its logarithm; of anything else, which of the values it is, from 0.

    A trial that has not the parameter gets the median, which says nothing, or a value of its own among names.
    """
    given = [row[name] for row in rows if name in row]
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in given):
        keys = [sameness(row[name]) if name in row else "" for row in rows]
        places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        return [places[key] for key in keys]
    logarithmic = name in space and "log" in space[name].word and all(value > 0 for value in given)
    known = [log(value) if logarithmic else float(value) for value in given]
    middle, numbers = median(known), iter(known)
    return _scaled([next(numbers) if name in row else middle for row in rows])


def _scaled(numbers: Sequence[float]) -> list[float]:
    # The forest computes in 32 bits.
    low, high = min(numbers), max(numbers)
    return [(number - low) / (high - low) if high > low else 0.0 for number in numbers]
