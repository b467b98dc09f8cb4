"""What `zenbeat doctor` sees of the API keys: which of them will be missed soon."""

from datetime import timedelta

from worker.cli.moments import utc_time
from worker.domain.apikey import ApiKey
from worker.domain.errors import StoreUnavailable
from worker.domain.finding import Finding, ok, warning
from worker.engine.runtime import Engine

SOON = timedelta(days=14)


async def examine_keys(engine: Engine) -> list[Finding]:
    """See that no key expires unnoticed. One whose successor is there already may."""
    try:
        ring = await engine.apikeys.ring()
    except StoreUnavailable:
        return []  # said already
    if not ring.keys:
        return [ok("API keys", "none: the HTTP API listens on this machine only")]
    newest = {key.name: key for key in ring.keys if key.active(ring.now)}
    ending = [key for key in newest.values() if key.expires is not None and key.expires - ring.now <= SOON]
    return [_ending(key) for key in ending] or [
        ok("API keys", f"{len(newest)} in use, none expires within {SOON.days} days")
    ]


def _ending(key: ApiKey) -> Finding:
    until = utc_time(key.expires) if key.expires else "for ever"
    told = f"{key.name} is good until {until} only"
    return warning("API keys", told, f"zenbeat key rotate {key.name}, and give the new one to who calls with it")
