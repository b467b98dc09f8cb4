"""The Lua scripts, by name. Each file's first line is its signature."""

from functools import cache
from importlib.resources import files

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

NAMES = (
    "accept",
    "admit",
    "book",
    "claim",
    "conclude",
    "dispatch",
    "fenced",
    "follow",
    "guessed",
    "knock",
    "lead",
    "reclaim",
    "record",
    "rekey",
    "renew",
    "release",
    "replay",
    "resign",
    "sending",
    "settle",
    "throttle",
    "withdraw",
)


def load(redis: Redis) -> dict[str, AsyncScript]:
    """Register every script with a client. A script that Redis has forgotten is sent again by redis-py."""
    return {name: redis.register_script(script) for name, script in _texts().items()}


@cache
def _texts() -> dict[str, str]:
    # Each store asks for them, and a process has many stores.
    folder = files("worker.store") / "lua"
    shared = (folder / "shared.lua").read_text(encoding="utf-8")
    return {name: shared + (folder / f"{name}.lua").read_text(encoding="utf-8") for name in NAMES}
