"""From plain values to the models of a schedule file; what does not fit becomes faults with their places."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from worker.domain.nearest import did_you_mean
from worker.domain.sweepwords import UNSUPPORTED
from worker.source.document import Path
from worker.source.endings import AfterEntry, NotifyEntry, RunRetryEntry, UpstreamEntry
from worker.source.findings import Findings
from worker.source.hookmodel import HookEntry
from worker.source.model import DstEntry, RetryEntry, ScheduleEntry, ScheduleFile, SweepEntry

Entry = TypeVar("Entry", ScheduleEntry, SweepEntry, HookEntry)

_INSTEAD = {
    "calendar": "calendar is not supported yet; use skip_dates",
    "cron_expression": 'unknown key; did you mean "cron"?',
    "interval_second": 'unknown key; did you mean "every"?',
    "run_once_start_time": 'unknown key; did you mean "at"?',
    "parameters": "unknown key; parameters of a step stand in config: {steps: {<step>: {parameters: …}}}",
    "steps": "unknown key; it belongs under config, or in a config template",
}
"""Keys of a schedule that have a sentence of their own."""

_NO_SECRETS = "secrets never stand in a file; set ZENBEAT_HOOK_SECRETS"
_INSTEAD_IN_HOOKS = {
    "secret": _NO_SECRETS,
    "token": _NO_SECRETS,
    "rate_limit": 'unknown key; did you mean "rate"?',
    "parameters": _INSTEAD["parameters"],
    "steps": _INSTEAD["steps"],
}
"""The same of a hook."""

_MODELS: Mapping[str, type[BaseModel]] = {
    "schedules": ScheduleEntry,
    "sweeps": SweepEntry,
    "hooks": HookEntry,
    "dst": DstEntry,
    "retry": RetryEntry,
    "run": RunRetryEntry,
    "after": AfterEntry,
    "any_of": UpstreamEntry,
    "all_of": UpstreamEntry,
    "notify": NotifyEntry,
}
"""What stands below a key."""

_EXPECTED = {
    "string_type": "has to be a text",
    "int_type": "has to be a whole number",
    "int_from_float": "has to be a whole number",
    "bool_type": "has to be true or false",
    "list_type": "has to be a list",
    "dict_type": "has to be a mapping",
    "model_type": "has to be a mapping",
}

_LIMITS = {
    "string_pattern_mismatch": '"{value}" is not possible; write small letters, digits and . _ - (no mark in front)',
    "string_too_long": "is too long; at most {max_length} characters",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "greater_than_equal": "has to be at least {ge}",
    "less_than_equal": "has to be at most {le}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """The usable entries of a file, each with its index."""

    schedules: Sequence[tuple[int, ScheduleEntry]] = ()
    sweeps: Sequence[tuple[int, SweepEntry]] = ()
    hooks: Sequence[tuple[int, HookEntry]] = ()
    notify: NotifyEntry | None = None
    """For the schedules that have none of their own."""


def read_file(findings: Findings) -> Entries:
    """Check a whole file.

    An entry with faults is given too, without what is wrong, as long as something can be checked in it.
    """
    value = findings.document.value
    if value is None:
        findings.fault((), "the file defines nothing; write schedules: [] if that is meant, or delete it")
        return Entries()
    try:
        whole = ScheduleFile.model_validate(value)
    except ValidationError as error:
        wrong = [_report(detail, findings) for detail in error.errors(include_url=False)]
        return Entries(
            schedules=_rest(ScheduleEntry, "schedules", value, wrong),
            sweeps=_rest(SweepEntry, "sweeps", value, wrong),
            hooks=_rest(HookEntry, "hooks", value, wrong),
        )
    return Entries(
        schedules=list(enumerate(whole.schedules or [])),
        sweeps=list(enumerate(whole.sweeps or [])),
        hooks=list(enumerate(whole.hooks or [])),
        notify=whole.notify,
    )


_STAND_IN = {"name": "x", "pipeline": "x", "signature": "github"}


def _words(model: type[BaseModel]) -> list[str]:
    """Give the keys of a mapping as a person writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _rest(model: type[Entry], section: str, value: Any, wrong: list[Path]) -> list[tuple[int, Entry]]:
    """Read the entries of a section once more, without the keys that are wrong."""
    items = value.get(section) if isinstance(value, dict) else None
    found = []
    for index, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, dict):
            bad = {path[2] for path in wrong if path[:2] == (section, index) and len(path) > 2}
            kept = {key: part for key, part in item.items() if key not in bad}
            # A name or pipeline that is missing need not hide what is wrong with the cron expression.
            stand_in = {key: word for key, word in _STAND_IN.items() if key not in kept and key in _words(model)}
            try:
                found.append((index, model.model_validate({**stand_in, **kept})))
            except ValidationError:
                continue
    return found


def _report(detail: ErrorDetails, findings: Findings) -> Path:
    """Note one of pydantic's errors, and give the path of what is to be left out."""
    path: Path = detail["loc"]
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        findings.fault(path, _unknown(path), at_key=True)
    elif kind == "missing":
        findings.fault(path[:-1], f"{path[-1]} is missing")
    else:
        findings.fault(path, _sentence(kind, context, detail["input"]))
    return path


def _unknown(path: Path) -> str:
    key = str(path[-1])
    model = _model_at(path[:-1])
    if key in _INSTEADS.get(model, {}):
        return _INSTEADS[model][key]
    if model in _BESIDE and key in ScheduleEntry.model_fields:
        return f"{key} belongs to a schedule; a {_BESIDE[model]} does not take it"
    return f"unknown key{did_you_mean(key, _words(model))}"


_INSTEADS: Mapping[type[BaseModel], Mapping[str, str]] = {
    ScheduleEntry: _INSTEAD,
    SweepEntry: UNSUPPORTED,
    HookEntry: _INSTEAD_IN_HOOKS,
}


_BESIDE: Mapping[type[BaseModel], str] = {SweepEntry: "sweep", HookEntry: "hook"}
"""What stands beside schedules, and may be taken for one."""


def _model_at(path: Path) -> type[BaseModel]:
    keys = [step for step in path if isinstance(step, str)]
    return _MODELS[keys[-1]] if keys else ScheduleFile


def _sentence(kind: str, context: Mapping[str, Any], value: Any) -> str:
    if kind in _EXPECTED:
        return _EXPECTED[kind] + _but(value, quote=kind == "string_type")
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        return f'"{value}" is not one of {", ".join(known)}{did_you_mean(str(value), known)}'
    # pydantic's own words for what has no better ones here.
    sentence = _LIMITS.get(kind, kind.replace("_", " "))
    return sentence.format(value=value, **context)


def _but(value: Any, *, quote: bool) -> str:
    if value is None:
        return "; it is empty"
    return f", not {_kind(value)}" + ("; put it in quotes" if quote and not isinstance(value, (dict, list)) else "")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    kinds: dict[type, str] = {dict: "a mapping", list: "a list", str: f'the text "{value}"'}
    return kinds.get(type(value), f"the number {value}")
