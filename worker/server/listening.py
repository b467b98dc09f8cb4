"""Where the API listens: on this machine alone while there is no API key, whatever address is wanted."""

import errno
import ipaddress
import socket
from dataclasses import dataclass

from worker.domain.errors import ZenbeatError

LOOPBACK = "127.0.0.1"
BACKLOG = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An address to listen on; port 0 is any that is free."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only programs on this machine get there."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def at_home(self) -> "Place":
        """The same port, for this machine alone."""
        return self if self.loopback else Place(host=LOOPBACK, port=self.port)

    def bind(self) -> socket.socket:
        """Listen there. Raises ZenbeatError."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            return socket.create_server((self.host, self.port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise ZenbeatError(_sentence(self, error)) from error


def _sentence(place: Place, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {place.port}, for the HTTP API, is taken: end the program that has it, or choose another with "
            "--port N or ZENBEAT_API_PORT"
        )
    return f"the HTTP API cannot listen on {place.host} port {place.port}: {error.strerror or error}"


def address_of(listening: socket.socket) -> str:
    """Give the address of what listens, as a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
