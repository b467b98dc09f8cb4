"""What stands between the wire and the application, put together."""

from starlette.types import ASGIApp

from worker.api.counting import Counters
from worker.server.bodies import Bodies
from worker.server.front import Front
from worker.server.guard import Guard
from worker.server.proxies import behind, read_proxies
from worker.settings import Settings


def protected(app: ASGIApp, settings: Settings, counters: Counters) -> ASGIApp:
    """Put the layers around an application. Raises InvalidInput for proxies that are none."""
    whole = Bodies(app, most=settings.api_body_max, patience=settings.api_timeout)
    return behind(Front(Guard(whole), counters), read_proxies(settings.trusted_proxies))
