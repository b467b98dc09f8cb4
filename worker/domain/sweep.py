"""A parameter sweep: one definition, of which every trial is computed and none is stored.

Trial n follows from the definition and its seed alone, so that no trial can be lost or doubled, on whatever machine
and after whatever restart. Trials are numbered from 1, as people count them.

The words are W&B's (docs.wandb.ai, "Sweep configuration options"), with `seed` and `max_parallel` added. A parameter
whose name has a dot is a path into the run configuration; one without goes to the templates alone, as `params.<name>`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from worker.domain.jsonvalues import LARGEST_INTEGER, Path, canonical, describe
from worker.domain.nearest import did_you_mean
from worker.domain.overlay import overlay
from worker.domain.samplers import Space, grid_point, grid_size, random_point
from worker.domain.space import Faults, grid_faults
from worker.domain.sweepwords import READERS, UNSUPPORTED, Goal, Method, Metric

__all__ = ["Goal", "Method", "Metric", "Sweep", "SweepFaults", "fingerprint", "overlay", "parse_sweep"]


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
    parameters: Space
    name: str = ""
    metric: Metric | None = None
    run_cap: int | None = None
    """The most trials; `parse_sweep` wants it for a random sweep, which has no end of its own."""
    seed: int = 0
    """Another seed gives other random trials; a grid does not use it."""
    max_parallel: int | None = None
    """The most trials at once; None is as many as the limits allow."""

    @property
    def size(self) -> int:
        """Count the trials: the points of the grid, at most `run_cap`."""
        points = grid_size(self.parameters) if self.method is Method.GRID else LARGEST_INTEGER
        return points if self.run_cap is None else min(points, self.run_cap)

    def trial(self, number: int) -> dict[str, Any]:
        """Compute the parameters of trial `number`, 1 <= number <= size, in the order in which they are written.

        The caller may change what it gets. Raises IndexError for a number that the sweep does not have.
        """
        if not 1 <= number <= self.size:
            raise IndexError(f"there is no trial {number}; the sweep has trials 1 to {self.size}")
        if self.method is Method.GRID:
            return grid_point(self.parameters, number - 1)
        return random_point(self.parameters, self.seed, number)

    def head(self, count: int) -> list[dict[str, Any]]:
        """Compute the first `count` trials, or all if there are fewer."""
        return [self.trial(number) for number in range(1, min(count, self.size) + 1)]

    def definition(self) -> dict[str, Any]:
        """Write the sweep down in JSON's types, all defaults named; `parse_sweep` makes the same sweep of it."""
        given: dict[str, Any] = {
            "name": self.name or None,
            "method": self.method.value,
            "metric": self.metric and {"name": self.metric.name, "goal": self.metric.goal.value},
            "parameters": {name: distribution.definition() for name, distribution in self.parameters.items()},
            "run_cap": self.run_cap,
            "seed": self.seed,
            "max_parallel": self.max_parallel,
        }
        return {word: value for word, value in given.items() if value is not None}


def fingerprint(sweep: Sweep) -> str:
    """Give the SHA-256 of the whole definition, 64 hex digits: equal if and only if the definitions are.

    The order of the parameters counts, because it is the order of a grid.
    """
    definition = sweep.definition()
    return sha256(canonical({**definition, "parameters": list(definition["parameters"].items())}).encode()).hexdigest()


def parse_sweep(raw: Mapping[str, Any]) -> Sweep:
    """Read a definition: name, method, parameters, metric, run_cap, seed, max_parallel. None is as good as left out.

    Raises SweepFaults with everything that is wrong. A path may lead to something that is missing.
    """
    faults: Faults = []
    if not isinstance(raw, Mapping):
        raise SweepFaults([((), f"has to be a mapping with method and parameters, not {describe(raw)}")])
    given = {word: value for word, value in raw.items() if value is not None}
    for word in raw:
        if word not in READERS:
            sentence = UNSUPPORTED.get(word) or f"unknown key{did_you_mean(str(word), [*READERS, *UNSUPPORTED])}"
            faults.append(((word,), sentence))
    fields: dict[str, Any] = {
        word: read(given[word], (word,), faults) for word, read in READERS.items() if word in given
    }
    faults.extend(((word,), f"{word} is missing") for word in ("method", "parameters") if word not in given)
    faults.extend(_faults_between(fields))
    if faults:
        raise SweepFaults(faults)
    return Sweep(**fields)


def _faults_between(fields: Mapping[str, Any]) -> Faults:
    """Check the method against the rest. A part that could not be read is None, and its fault is noted already."""
    method, parameters = fields.get("method"), fields.get("parameters") or {}
    capped = "run_cap" in fields
    if method is Method.RANDOM and not capped:
        return [(("run_cap",), "a random sweep needs run_cap, the number of its trials")]
    if method is not Method.GRID:
        return []
    readable = {name: distribution for name, distribution in parameters.items() if distribution is not None}
    faults = [fault for name, kind in readable.items() for fault in grid_faults(kind, ("parameters", name))]
    if not faults and not capped and grid_size(readable) > LARGEST_INTEGER:
        sentence = f"the grid has more than {LARGEST_INTEGER} points; say with run_cap how many to run"
        faults.append((("run_cap",), sentence))
    return faults
