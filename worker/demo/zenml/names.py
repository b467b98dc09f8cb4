"""Names of runs: a template with `{date}`, `{time}` and the substitutions of the body, filled in as ZenML does."""

from collections.abc import Mapping
from datetime import datetime
from string import Formatter
from typing import Any

from worker.demo.zenml.refusals import Refusal, invalid

LONGEST = 255


def substitutions(given: Mapping[str, str] | None, now: datetime) -> dict[str, str]:
    """Give what a name may mention."""
    return {"date": f"{now:%Y_%m_%d}", "time": f"{now:%H_%M_%S_%f}", **(given or {})}


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in the template. Raises the Refusals that ZenML makes of what `str.format` says."""
    try:
        # Format specifications are left out: `{date:>9999999999}` would be a way to use up all memory.
        parts = [text + _value(template, field, values) for text, field, _, _ in Formatter().parse(template)]
    except ValueError as error:
        raise Refusal(400, "ValueError", str(error)) from error
    name = "".join(parts)
    if len(name) > LONGEST:
        message = f"String should have at most {LONGEST} characters"
        raise invalid("PipelineRunRequest", "name", message, "string_too_long", name)
    return name


def _value(template: str, field: Any, values: Mapping[str, str]) -> str:
    if field is None:
        return ""
    if field in values:
        return values[field]
    if not field or field.isdigit():
        raise Refusal(500, "RuntimeError", f"Replacement index {field or 0} out of range for positional args tuple")
    raise Refusal(404, "KeyError", f"Could not format the name template `{template}`. Missing key: '{field}'")
