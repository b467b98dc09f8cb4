"""Dotted names of parameters and metrics, as short as a table can have them."""

from collections import Counter
from collections.abc import Collection

TAKEN = frozenset({"trial", "status", "takes", "reason", "run_id", "fire_time"})
"""What the other columns of such a table are called."""


def short_names(names: Collection[str]) -> dict[str, str]:
    """Give the last word of each name, or the whole name where several end so."""
    last = Counter(name.rsplit(".", 1)[-1] for name in names)
    return {
        name: short if last[short := name.rsplit(".", 1)[-1]] == 1 and short not in TAKEN else name for name in names
    }
