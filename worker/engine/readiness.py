"""Whether what is asked for now would be started: Redis, a beat that leads, a worker that lives."""

from worker.domain.errors import StoreUnavailable
from worker.engine.runtime import Engine

OK = "ok"


async def read_readiness(engine: Engine) -> dict[str, str]:
    """Give, for each part, `ok` or what is wrong with it. Raises nothing: that Redis is away is an answer."""
    try:
        alive = await engine.heartbeats.everybody()
    except StoreUnavailable:
        return {"redis": "cannot be reached", "beat": "not known", "worker": "not known"}
    beats, workers = alive.get("beat", {}), alive.get("worker", {})
    leads = any(sign.get("leading") for sign in beats.values())
    return {
        "redis": OK,
        "beat": OK if leads else "none leads" if beats else "none is alive",
        "worker": OK if workers else "none is alive",
    }
