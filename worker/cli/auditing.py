"""What people change by commands, for the audit log."""

import getpass

from worker.engine.runtime import Engine
from worker.store.audit import Audited
from worker.store.items import Command


def audited(engine: Engine, action: str, what: str, by: str = "", reason: str = "") -> Command:
    """Make the command that writes it down; it goes with the change. Without `by`, it is the user of this machine."""
    return engine.audit.add(_entry(engine, action, what, by, reason))


async def tell(engine: Engine, action: str, what: str, by: str = "", reason: str = "") -> None:
    """Write it down after the change, where nothing can go with that."""
    await engine.audit.tell(_entry(engine, action, what, by, reason))


def asker() -> str:
    """Name the user of this machine as records tell it."""
    return f"cli:{user_name() or 'unknown'}"


def user_name() -> str:
    """Name the user of this machine; "" where it does not tell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def _entry(engine: Engine, action: str, what: str, by: str, reason: str) -> Audited:
    who = f"cli:{by}" if by else asker()
    return Audited(at=engine.clock(), action=action, what=what, who=who, reason=reason)
