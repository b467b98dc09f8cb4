"""Addresses of a Redis that Sentinel watches: `sentinel://[user:password@]host:port,host:port/0?service=name`."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, unquote, urlsplit

from worker.domain.errors import InvalidInput

SCHEME = "sentinel://"
PORT = 26379


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentinels:
    """Where to ask which Redis is the primary. User and password are those of Redis, not of the sentinels."""

    hosts: tuple[tuple[str, int], ...]
    service: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    db: int = 0

    @classmethod
    def parse(cls, url: str) -> "Sentinels":
        """Read an address. Raises InvalidInput."""
        parts = urlsplit(url)
        login, _, places = parts.netloc.rpartition("@")
        username, _, password = login.partition(":")
        service = parse_qs(parts.query).get("service", [""])[0]
        hosts = tuple(_host(place) for place in places.split(",") if place)
        if not hosts or not service:
            raise InvalidInput("a Redis behind Sentinel is sentinel://host:26379,host:26379/0?service=name")
        db = parts.path.strip("/")
        return cls(
            hosts=hosts,
            service=service,
            username=unquote(username) or None,
            password=unquote(password) or None,
            db=int(db) if db.isdigit() else 0,
        )

    @property
    def for_celery(self) -> str:
        """Give the address in the form that Celery's transport reads; the service goes with its options."""
        login = f"{quote(self.username or '', safe='')}:{quote(self.password, safe='')}@" if self.password else ""
        return ";".join(f"{SCHEME}{login}{host}:{port}/{self.db}" for host, port in self.hosts)


def _host(place: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":")
    return (host, int(port)) if host and port.isdigit() else (place, PORT)
