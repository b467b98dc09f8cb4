"""Where the ZenML server is, how we log in, and how much of a server we put up with."""

from collections.abc import Callable
from dataclasses import dataclass, field

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ZenMLOptions:
    """One ZenML server. Durations are seconds; `repr` shows no secret."""

    url: str
    """Without a slash at the end. Empty: every call says that there is no address."""
    api_key: str | None = field(default=None, repr=False)
    """Key of a service account (`ZENKEY_…`, `ZENPROKEY_…`): exchanged for a token at login."""
    api_token: str | None = field(default=None, repr=False)
    """A bearer token, sent as it is; the key wins if both are given."""
    read_secrets: Callable[[], tuple[str | None, str | None]] | None = field(default=None, repr=False)
    """Reads key and token anew, for when they are refused: a person may have put new ones in their place."""
    project: str | None = None
    """Name or id, for calls that name none; None is the server's default."""
    verify_ssl: bool | str = True
    """False trusts everybody; a string is the path of a file or folder with authorities to trust."""
    connect_timeout: float = 5.0
    total_timeout: float = 30.0
    """For one call in all: waiting for a connection, login, sending, reading."""
    max_bytes: int = 4 * MEBIBYTE
    """The most that an answer may hold, decompressed."""
    pool_size: int = 100
    """The most connections at once; further calls wait for one within their total time."""
