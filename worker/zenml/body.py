"""Make of a run configuration what one server takes. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson

from worker.domain.errors import BodyRefused
from worker.zenml.models import Launch, Resolution, Route, ServerInfo
from worker.zenml.versions import BODY_FIELDS, STEP_FIELDS, Version

Body = Mapping[str, Any]


def prepare(resolution: Resolution, body: Body, server: ServerInfo) -> Launch:
    """Make the POST that starts a run of `resolution` with `body` on `server`.

    Fields that came to ZenML after this server's version are left out and named: old servers refuse the whole body for
    one of them, later ones ignore it in silence. Raises BodyRefused for what JSON cannot say.
    """
    known, left_out = _known(body, server.version)
    if not server.capabilities.partial_parameters:
        # These servers want all parameters of all steps, and replace settings instead of laying ours over them.
        template, _ = _known(resolution.config_template, server.version)
        known = merge(template, known)
    # A bare configuration on the snapshot route is ignored without a word, and runs with default parameters.
    content = {"run_configuration": known, "step_run": None} if resolution.route is Route.SNAPSHOT else known
    return Launch(
        url=f"/api/v1/{resolution.route.value}/{resolution.id}/runs",
        content=_encode(content),
        left_out=tuple(left_out),
        project=resolution.project,
    )


def merge(below: Body, above: Body) -> dict[str, Any]:
    """Lay one configuration over another: mappings key by key, everything else as a whole."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(under, value) if both else value  # type: ignore[arg-type]  # `both` says so
    return merged


def _encode(content: Body) -> bytes:
    try:
        return orjson.dumps(content)
    except TypeError as error:  # orjson.JSONEncodeError is one
        raise BodyRefused(f"the run configuration holds something that is not JSON: {error}", code="body") from error


def _known(body: Body, version: Version) -> tuple[dict[str, Any], list[str]]:
    """Split a body into what a server of this version knows, and the paths of the rest."""
    known, left_out = _split(body, BODY_FIELDS, version, "")
    steps = known.get("steps")
    if isinstance(steps, Mapping):
        known["steps"] = {}
        for name, step in steps.items():
            if isinstance(step, Mapping):
                known["steps"][name], more = _split(step, STEP_FIELDS, version, f"steps.{name}.")
                left_out += more
            else:
                known["steps"][name] = step
    return known, left_out


def _split(values: Body, since: Mapping[str, Version], version: Version, path: str) -> tuple[dict[str, Any], list[str]]:
    late = [key for key in values if version < since.get(key, version)]
    return {key: value for key, value in values.items() if key not in late}, [path + key for key in late]
