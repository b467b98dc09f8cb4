"""What is wrong with a run configuration, as far as a file can tell: expressions, and what ZenML would swallow."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worker.domain.fate import Fate
from worker.domain.nearest import did_you_mean
from worker.domain.sweep import Sweep
from worker.domain.zones import find_zone
from worker.render import (
    FOLLOWER_NAMES,
    KEY_FAULT,
    SCHEDULE_NAMES,
    SWEEP_NAMES,
    LastSuccess,
    UpstreamRun,
    expression_doubts,
    expression_faults,
    fixed_text,
)
from worker.source.document import Path
from worker.source.endings import AfterEntry
from worker.source.findings import Findings
from worker.source.model import ScheduleEntry, SweepEntry
from worker.zenml.versions import BODY_FIELDS, STEP_FIELDS

_REFUSED = {
    "schedule": "ZenML takes no schedule here; zenbeat does the scheduling",
    "build": "ZenML takes no build here; it belongs to the template or snapshot",
}
_SAMPLE_TIME = "2026-07-01T12:00:00+00:00"
_SAMPLE_ID = "00000000-0000-0000-0000-000000000000"
_NO_SUCCESS: tuple[Mapping[str, Any], str] = ({"last_success": None}, "last_success is empty before the first success")
_FOREIGN = "fire_time and schedule of an upstream are empty where no schedule has started the run"


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions know: the names, and a sample of their values to try them with."""

    names: frozenset[str]
    sample: Mapping[str, Any] | None
    lacks: tuple[tuple[Mapping[str, Any], str], ...] = ()
    """What may be missing when it comes to it: the values in place of the sample's, and a sentence."""


def check_run_config(config: Mapping[str, Any], path: Path, scope: Scope, findings: Findings) -> None:
    """Note everything that is wrong with a run configuration that stands at `path`."""
    for inner, message in expression_faults(config, scope.names, scope.sample):
        findings.fault((*path, *inner), message, at_key=message == KEY_FAULT)
    for values, message in scope.lacks:
        for inner in expression_doubts(config, scope.sample or {}, values):
            findings.warn((*path, *inner), message)
    for key in config:
        if key in _REFUSED:
            findings.fault((*path, key), _REFUSED[key], at_key=True)
    _check_keys(config, BODY_FIELDS, path, findings)
    _check_run_name(config.get("run_name"), (*path, "run_name"), findings)
    if not isinstance(config.get("tags", []), list):
        findings.fault((*path, "tags"), "has to be a list")
    _check_steps(config.get("steps", {}), (*path, "steps"), findings)


def parameter_findings(name: str) -> tuple[str, str]:
    """Say what is wrong with a parameter's path into a run configuration, and what is doubtful; both may be empty."""
    way = name.split(".")
    if len(way) == 1:
        return "", ""
    if way[0] in _REFUSED:
        return _REFUSED[way[0]], ""
    word, known = (way[2], STEP_FIELDS) if way[0] == "steps" and len(way) > 2 else (way[0], BODY_FIELDS)
    if word in known:
        return "", ""
    return "", f'ZenML does not know "{word}" here, and may ignore it{did_you_mean(word, known)}'


def _check_keys(config: Mapping[str, Any], known: Collection[str], path: Path, findings: Findings) -> None:
    # ZenML runs on without a word when it does not know a key.
    for key in config:
        if key not in known:
            message = f"ZenML does not know this key, and may ignore it{did_you_mean(key, known)}"
            findings.warn((*path, key), message, at_key=True)


def _check_run_name(name: Any, path: Path, findings: Findings) -> None:
    if name is None:
        return
    if not isinstance(name, str):
        findings.fault(path, "has to be a text")
        return
    try:
        fixed = fixed_text(name)
    except ValueError:
        return  # it is among the faults of the expressions
    if "{" in fixed or "}" in fixed:
        findings.fault(path, "a brace is not possible outside {{ … }}: ZenML would look for a placeholder")


def _check_steps(steps: Any, path: Path, findings: Findings) -> None:
    if not isinstance(steps, dict):
        findings.fault(path, "has to be a mapping: step name to its configuration")
        return
    for step, inside in steps.items():
        if not isinstance(inside, dict):
            findings.fault((*path, step), "has to be a mapping, such as {parameters: {…}}")
        else:
            _check_keys(inside, STEP_FIELDS, (*path, step), findings)


def schedule_scope(entry: ScheduleEntry) -> Scope:
    """Give what expressions know where a schedule fires."""
    moment = datetime.fromisoformat(_SAMPLE_TIME).astimezone(find_zone(entry.timezone))
    sample: dict[str, Any] = {
        **dict.fromkeys(("fire_time", "previous_fire_time", "window_start", "window_end"), moment),
        "schedule": {"name": entry.name, "pipeline": entry.pipeline, "timezone": entry.timezone},
        "last_success": LastSuccess(fire_time=moment, run_id=_SAMPLE_ID, run_name=entry.name, ended=moment),
    }
    if entry.after is None:
        return Scope(SCHEDULE_NAMES, sample, (_NO_SUCCESS,))
    upstream = UpstreamRun(
        run_id=_SAMPLE_ID,
        run_name="upstream",
        fire_time=moment,
        ended=moment,
        schedule="upstream",
        pipeline="upstream",
        status=Fate.COMPLETED.value,
    )
    lacks = [_NO_SUCCESS]
    if any(one.pipeline for one in (entry.after, *(entry.after.any_of or ()), *(entry.after.all_of or ()))):
        foreign = upstream | {"fire_time": None, "schedule": None}
        lacks.append((_upstreams(foreign, entry.after), _FOREIGN))
    return Scope(SCHEDULE_NAMES | FOLLOWER_NAMES, sample | _upstreams(upstream, entry.after), tuple(lacks))


def _upstreams(upstream: Mapping[str, Any], after: AfterEntry) -> dict[str, Any]:
    return {"upstream": upstream, "upstreams": [upstream] * len(after.all_of or (after,))}


def sweep_scope(entry: SweepEntry, sweep: Sweep | None) -> Scope:
    """Give what expressions know in the trials of a sweep; None is one that cannot be read."""
    timed = any((entry.cron, entry.every, entry.at))
    names = SWEEP_NAMES | {"fire_time"} if timed else SWEEP_NAMES
    if sweep is None:
        return Scope(names, None)
    every, some = _sample_trial(sweep)
    sample: dict[str, Any] = {
        "sweep": {"name": entry.name, "id": "", "pipeline": entry.pipeline},
        "trial": 1,
        "params": some | every,
    }
    if timed:
        sample["fire_time"] = datetime.fromisoformat(_SAMPLE_TIME).astimezone(find_zone(entry.timezone))
    lacks = [({"params": every}, f"not every trial has {_and(some)}")] if some else []
    return Scope(names, sample, tuple(lacks))


def _sample_trial(sweep: Sweep) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give values of the parameters that every trial has, and of those that only some have."""
    if sweep.points:
        every = {name for name in sweep.points[0] if all(name in point for point in sweep.points)}
        values = {name: value for point in reversed(sweep.points) for name, value in point.items()}
    else:
        every = {name for name in sweep.parameters if name not in sweep.when}
        values = {name: kind.quantile(0.5) for name, kind in sweep.parameters.items()}
    first = values | (sweep.trial(1) if sweep.computed else {})
    kept = {name: value for name, value in first.items() if name in every}
    return kept, {name: value for name, value in first.items() if name not in every}


def _and(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
