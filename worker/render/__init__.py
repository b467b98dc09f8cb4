"""Floor 1: expressions in a run configuration. What may stand in one, and the body that comes of it."""

from worker.render.compiled import KEY_FAULT, Compiled, RenderError, compile_config, expression_faults, merge
from worker.render.grammar import SCHEDULE_NAMES, SWEEP_NAMES, fixed_text

__all__ = [
    "KEY_FAULT",
    "SCHEDULE_NAMES",
    "SWEEP_NAMES",
    "Compiled",
    "RenderError",
    "compile_config",
    "expression_faults",
    "fixed_text",
    "merge",
]
