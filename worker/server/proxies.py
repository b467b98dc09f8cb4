"""Whose word is taken for where a caller is: of the proxies that are named, and of nobody else."""

import ipaddress

from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from worker.domain.errors import Fault, InvalidInput

VARIABLE = "ZENBEAT_TRUSTED_PROXIES"


def read_proxies(text: str) -> list[str]:
    """Read addresses and networks with commas between. Raises InvalidInput with each that is neither."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    faults = [Fault(path=VARIABLE, message=why) for name in names if (why := _wrong(name))]
    if faults:
        raise InvalidInput(faults)
    return names


def _wrong(name: str) -> str:
    if name == "*":
        return "* would believe every caller; name the proxies, such as 10.0.0.7 or 172.18.0.0/16"
    try:
        network = ipaddress.ip_network(name)
    except ValueError as error:
        return f'"{name}" is not an address or a network: {error}'
    return "" if network.prefixlen else f'"{name}" would believe every caller; name the proxies'


def behind(app: ASGIApp, proxies: list[str]) -> ASGIApp:
    """Let these proxies say whom they speak for (`X-Forwarded-For`) and how they were asked (`X-Forwarded-Proto`).

    Of several addresses the last one counts that is no proxy's: what a caller wrote there itself stands before it.
    """
    return ProxyHeadersMiddleware(app, trusted_hosts=proxies) if proxies else app  # type: ignore[arg-type, return-value]
