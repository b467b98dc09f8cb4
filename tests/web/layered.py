"""The dashboard behind all of its layers, as whoever is somewhere else calls it."""

import httpx

from tests.api.door import Door
from worker.server.layers import protected
from worker.settings import load_settings

TLS = "https://zenbeat.example.com"
AWAY = ("203.0.113.9", 40_000)


def layered(opened: Door, base: str, client: tuple[str, int] = AWAY, **variables: str) -> httpx.AsyncClient:
    """Make a client that comes through all layers, as on the wire."""
    settings = load_settings(
        {"REDIS_URL": opened.engine.settings.redis_url, **variables}, opened.engine.settings.schedules_dir
    )
    whole = protected(opened.app, settings, opened.context.counters)
    transport = httpx.ASGITransport(whole, raise_app_exceptions=False, client=client)
    return httpx.AsyncClient(transport=transport, base_url=base, headers={"accept": "text/html"})
