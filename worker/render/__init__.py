"""Floor 1: expressions in a run configuration. What may stand in one, and the body that comes of it."""

from worker.render.checks import KEY_FAULT, expression_doubts, expression_faults, used_names
from worker.render.compiled import Compiled, RenderError, compile_config, merge
from worker.render.grammar import (
    FOLLOWER_NAMES,
    HOOK_NAMES,
    ITEM_NAMES,
    SCHEDULE_NAMES,
    SWEEP_NAMES,
    fixed_text,
    is_whole,
)
from worker.render.known import LastSuccess, UpstreamRun
from worker.render.payload import PayloadSchema, SchemaError

__all__ = [
    "FOLLOWER_NAMES",
    "HOOK_NAMES",
    "ITEM_NAMES",
    "KEY_FAULT",
    "SCHEDULE_NAMES",
    "SWEEP_NAMES",
    "Compiled",
    "LastSuccess",
    "PayloadSchema",
    "RenderError",
    "SchemaError",
    "UpstreamRun",
    "compile_config",
    "expression_doubts",
    "expression_faults",
    "fixed_text",
    "is_whole",
    "merge",
    "used_names",
]
