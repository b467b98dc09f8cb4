"""Who gets alerts: names for addresses, which hold secrets and so are never shown in full."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from worker.domain.errors import NotDelivered
from worker.domain.nearest import did_you_mean

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
HOST = re.compile(r"(?:[^\W_][\w.-]*|\[[0-9A-Fa-f:.]+\])(?::\d+)?")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

WEB = frozenset({"http", "https"})

SECRET_MARK = "whsec_"  # noqa: S105 - what a secret begins with, by the Standard Webhooks specification
SHORTEST_SECRET, LONGEST_SECRET = 24, 64
MOST_SECRETS = 2

SHORTEST_BLOTTED = 4
"""Parts of an address that are shorter are words such as `v1`, and would take too much of a sentence with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivers:
    """Name -> addresses, and the secrets that webhooks are signed with. `repr` shows neither."""

    urls: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    secrets: tuple[bytes, ...] = field(default=(), repr=False)

    def parts(self, receiver: str) -> tuple[str, ...]:
        """Name each address of a receiver by itself (`ops#1`, `ops#2`), so that each can be tried again by itself.

        A receiver that has one address, or is not known, is its own part.
        """
        count = len(self.urls.get(receiver, ()))
        return tuple(f"{receiver}#{number}" for number in range(1, count + 1)) if count > 1 else (receiver,)

    def find(self, receiver: str) -> tuple[str, ...]:
        """Give the addresses of a name, of a part of one, or the address itself.

        Raises NotDelivered if nobody is known by that name.
        """
        if is_url(receiver):
            return (receiver,)
        name, _, number = receiver.partition("#")
        urls = self.urls.get(name, ())
        if number:
            urls = urls[int(number) - 1 :][:1] if number.isdigit() and int(number) else ()
        if not urls:
            raise NotDelivered(f'there is no receiver "{receiver}"{did_you_mean(receiver, self.urls)}')
        return urls


def is_url(receiver: str) -> bool:
    """Tell whether this is an address, and not a name."""
    return "://" in receiver


def is_webhook(url: str) -> bool:
    """Tell whether alerts go to this address as webhooks."""
    return scheme(url) in WEB


def scheme(url: str) -> str:
    """Give an address's scheme, in small letters."""
    found = SCHEME.match(url)
    return found[1].lower() if found else ""


def shown(url: str) -> str:
    """Give what may be seen of an address: `https://hooks.example.com/…`, `slack://…`.

    The host is shown of web addresses only: elsewhere its place may hold a token.
    """
    host = _host(url) if is_webhook(url) else ""
    return f"{scheme(url)}://{host}/…" if host else f"{scheme(url)}://…"


def blotted(text: str, url: str) -> str:
    """Take out of a text, which somebody else wrote, whatever it has of an address."""
    visible = _host(url).split(":") if is_webhook(url) else []
    rest = url.partition("://")[2]
    parts = {rest, *re.split(r"[/@:?&=#,]", rest)}
    found = {*parts, *(unquote(part) for part in parts), *re.split(r"[/@:?&=#,\s]", unquote(rest))}
    for part in sorted(found, key=len, reverse=True):
        if len(part) >= SHORTEST_BLOTTED and part.lower() not in visible:
            text = text.replace(part, "***")
    return text


def read_receivers(text: str) -> dict[str, tuple[str, ...]]:
    """Read `{"ops": "slack://…", "hook": ["https://…", "mailto://…"]}`.

    Raises ValueError, with no address in it.
    """
    try:
        given = json.loads(text)
    except ValueError as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ValueError(f'is not JSON{where}; it should be like {{"ops": "slack://…"}}') from None
    if isinstance(given, dict):
        return {_name(name): _urls(name, value) for name, value in given.items()}
    raise ValueError('is not a JSON object of names and addresses, such as {"ops": "slack://…"}')


def read_names(text: str) -> tuple[str, ...]:
    """Read names and addresses with commas between them, each once. Raises ValueError, with no address in it."""
    names = dict.fromkeys(part.strip() for part in text.split(","))
    for name in names:
        if is_url(name):
            _url("an address", name)
        else:
            _name(name)
    return tuple(names)


def read_secrets(text: str) -> tuple[bytes, ...]:
    """Read one secret, or two with a space between them: the new one and the one before it.

    Raises ValueError, with no secret in it.
    """
    secrets = text.split()
    if not 1 <= len(secrets) <= MOST_SECRETS:
        raise ValueError(f"holds {len(secrets)} secrets; one or two can be used")
    return tuple(_secret(secret) for secret in secrets)


def _secret(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(SECRET_MARK), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(SECRET_MARK) or not SHORTEST_SECRET <= len(key) <= LONGEST_SECRET:
        raise ValueError("is not whsec_ and 24 to 64 bytes in base64; make one: echo whsec_$(openssl rand -base64 32)")
    return key


def _name(name: str) -> str:
    if not NAME.fullmatch(name):
        told = shown(name) if is_url(name) else f'"{name}"'
        raise ValueError(f"{told} is not a name: letters, digits, and . _ - within")
    return name


def _urls(name: str, value: object) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    urls = [url for url in given if isinstance(url, str)]
    if not urls or len(urls) < len(given):
        raise ValueError(f"{name}: is neither an address nor a list of addresses")
    return tuple(dict.fromkeys(_url(f"{name}: this", url.strip()) for url in urls))


def _url(what: str, url: str) -> str:
    """Check an address as far as is possible without knowing its service."""
    if not SCHEME.match(url) or not url.isprintable():
        raise ValueError(f"{what} is not an address such as https://hooks.example.com/zenbeat or slack://…")
    if is_webhook(url) and not (_host(url) and _fits(url)):
        raise ValueError(f"{what} is a web address without a host, or with a wrong port")
    return url


def _host(url: str) -> str:
    """Give host and port; nothing where there may be something else in their place."""
    place = re.split(r"[/?#\\]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]
    return place.lower() if HOST.fullmatch(place) else ""


def _fits(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
