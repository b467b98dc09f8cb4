"""The way of a run: fixed when it is accepted; where the run is on it, the clock tells. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from worker.demo.zenml.catalogue import Step

NEVER = datetime.max.replace(tzinfo=UTC)
PROVISION_SECONDS = 1.0
STOP_SECONDS = 1.0
"""How long a stop by force takes."""

FINISHED = frozenset({"completed", "failed", "stopped"})

Parameters = Mapping[str, Any]


class Fate(StrEnum):
    """What becomes of a run; the other ones than `runs` are made by faults."""

    RUNS = "runs"
    STAYS_INITIALIZING = "stays_initializing"
    """The server was restarted before it had submitted the run, which waits for ever."""
    FAILS_TO_START = "fails_to_start"
    """The submission fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A step's part of the way; `trouble` is why it fails there."""

    step: str
    begin: datetime
    end: datetime
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The whole way of a run."""

    provisioning: datetime
    running: datetime
    ended: datetime
    end: str
    reason: str | None = None
    stopping: datetime = NEVER
    legs: tuple[Leg, ...] = ()

    def status(self, now: datetime) -> str:
        """Give the run's status at an instant."""
        if now >= self.ended:
            return self.end
        if now >= self.stopping:
            return "stopping"
        if now >= self.running:
            return "running"
        return "provisioning" if now >= self.provisioning else "initializing"

    def said(self, now: datetime) -> str | None:
        """Give the reason that goes with the status."""
        if now >= self.ended:
            return self.reason
        return "Manual stop requested." if now >= self.stopping else None

    def shares(self, now: datetime) -> dict[str, float]:
        """Give what share of its time each step has had, 0 to 1; without those that fail, which come to nothing."""
        if self.end == "completed" and now >= self.ended:
            return {leg.step: 1.0 for leg in self.legs}
        until = min(now, self.ended)
        begun = (leg for leg in self.legs if leg.begin < until and leg.trouble is None)
        return {leg.step: 1.0 if leg.end <= until else (until - leg.begin) / (leg.end - leg.begin) for leg in begun}

    def stop(self, now: datetime, *, step_finishes: bool) -> "Course":
        """Give the course of a run that is asked to stop now: in a moment, or when its step has finished."""
        current = next((leg for leg in self.legs if leg.begin <= now < leg.end), None)
        ended = current.end if step_finishes and current else now + timedelta(seconds=STOP_SECONDS)
        return replace(self, stopping=now, ended=ended, end="stopped", reason="Manual stop requested.")

    def finish(self, now: datetime, status: str, reason: str | None) -> "Course":
        """Give the course of a run that ends now, wherever it is, with one of FINISHED."""
        return replace(
            self,
            provisioning=_unless_after(self.provisioning, now),
            running=_unless_after(self.running, now),
            stopping=_unless_after(self.stopping, now),
            ended=now,
            end=status,
            reason=reason,
        )


def _unless_after(moment: datetime, now: datetime) -> datetime:
    return moment if moment <= now else NEVER


def plan(
    name: str,
    steps: Sequence[Step],
    given: Mapping[str, Parameters],
    *,
    submitted: datetime,
    run_seconds: tuple[float, float],
    failure_rate: float,
) -> Course:
    """Plan the way of a run whose submission ends at `submitted`.

    A step takes its parameter `seconds` and fails by its parameter `fail`, if `given` has them. What is not told is
    derived from the run's name, so that the same name always fares alike.
    """
    running = submitted + timedelta(seconds=PROVISION_SECONDS)
    told = any("seconds" in parameters for parameters in given.values())
    shortest, longest = run_seconds
    share = 0.0 if told else (shortest + (longest - shortest) * chance(name, "seconds")) / len(steps)
    unlucky = chance(name, "fail") < failure_rate and not any("fail" in parameters for parameters in given.values())
    legs: list[Leg] = []
    begin = running
    for step in steps:
        parameters = given.get(step.name, {})
        trouble = _trouble(step, parameters)
        if trouble is None and unlucky and step is steps[-1]:
            trouble = "Bad luck: the demo lets some runs fail."
        end = begin + timedelta(seconds=_seconds(parameters, share))
        legs.append(Leg(step=step.name, begin=begin, end=end, trouble=trouble))
        if trouble:
            reason = f"Step `{step.name}` failed: {trouble}"
            return Course(
                provisioning=submitted, running=running, ended=end, end="failed", reason=reason, legs=tuple(legs)
            )
        begin = end
    return Course(provisioning=submitted, running=running, ended=begin, end="completed", legs=tuple(legs))


def not_run(fate: Fate, submitted: datetime) -> Course:
    """Give the course of a run that never comes to run."""
    if fate is Fate.FAILS_TO_START:
        return failed(submitted, "Failed to start run.")
    return Course(provisioning=NEVER, running=NEVER, ended=NEVER, end="failed")


def failed(when: datetime, reason: str) -> Course:
    """Give the course of a run that fails before anything of it runs."""
    return Course(provisioning=NEVER, running=NEVER, ended=when, end="failed", reason=reason)


def chance(name: str, what: str) -> float:
    """Derive a number in [0, 1) from a run's name."""
    return int.from_bytes(blake2b(f"{what}:{name}".encode(), digest_size=6).digest(), "big") / 2**48


def _trouble(step: Step, parameters: Parameters) -> str | None:
    """Tell why a step fails. ZenML does not look at types: what does not fit fails only in here."""
    for key, value in parameters.items():
        if key in step.parameters and not _fits(value, step.parameters[key]):
            return f"TypeError: {key} is {value!r:.60}, not a value of type {type(step.parameters[key]).__name__}."
    if parameters.get("lr", 1) <= 0:
        return "ValueError: lr must be greater than 0."
    return "The parameter `fail` asked for it." if parameters.get("fail") else None


def _fits(value: Any, default: Any) -> bool:
    if isinstance(default, float) and not isinstance(value, bool):
        return isinstance(value, int | float) and math.isfinite(value)
    return type(value) is type(default)


def _seconds(parameters: Parameters, share: float) -> float:
    seconds = parameters.get("seconds", share)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return 0.0
    return min(max(float(seconds), 0.0), 86_400.0)
