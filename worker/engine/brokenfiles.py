"""Schedules that stand in a file which cannot be used, as far as Redis knows them: what else it says is lost."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from worker.engine.runtime import Engine
from worker.source import Definitions, name_of

NAMED = re.compile(r"""\bname:\s*["']?([a-z0-9][a-z0-9._-]*)""")


async def read_broken(engine: Engine, definitions: Definitions) -> Mapping[str, str]:
    """Give the file of each: those that a file with faults names, that Redis knows, and that nothing defines now."""
    files = {fault.file for fault in definitions.faults}
    if not files:
        return {}
    known = (await engine.cursors.all()).keys() - definitions.named.keys()
    return {name: file for file in sorted(files) for name in _names(file) if name in known}


def _names(file: str) -> Iterable[str]:
    name = name_of(file)
    if name:
        return (name,)
    try:
        return NAMED.findall(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ()
