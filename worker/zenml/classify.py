"""From an answer that is not the wished-for one to an error of the tree. The only place that reads status codes.

Each table is read from above; the first row that fits wins. A row fits if the status is among its own and its words
stand in what the server says (upper and lower case alike).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from worker.domain.errors import (
    AccessDenied,
    AtCapacity,
    BodyRefused,
    NameTaken,
    NotFound,
    NotSent,
    NotYet,
    Refused,
    Unclear,
    ZenMLError,
)
from worker.zenml.wire import Answer

LONGEST_RETRY_AFTER = 366 * 86_400.0
"""Seconds. What asks for more is an error of arithmetic somewhere; the retry policy caps further."""

LONGEST_DETAIL = 400
"""Characters of the server's own words in a sentence of ours."""

TRIGGERING_DISABLED = (
    "this ZenML server cannot start runs: it has no workload manager. "
    "Configure one (ZENML_SERVER_WORKLOAD_MANAGER_IMPLEMENTATION_SOURCE), or use ZenML Pro"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    statuses: range
    words: str
    error: type[ZenMLError]
    code: str
    sentence: str
    """With `{detail}` (the server's words), `{status}`, `{what}` (what was asked for), `{remedy}`, `{host}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What is known beside the answer itself."""

    remedy: str
    """What a person can do about a refused login."""
    secrets: Callable[[], Sequence[str]] = field(repr=False)
    """What must not stand in an error, even if the server repeats it."""
    wall: Callable[[], datetime] | None = None


def _only(status: int) -> range:
    return range(status, status + 1)


SUCCESS = range(200, 300)
GATEWAY = range(502, 505)
"""What a proxy says whose server is away."""

REDIRECT = Row(
    range(300, 400),
    "",
    Refused,
    "redirect",
    "ZenML answers with a redirect to {host}, which is not followed: set ZENML_STORE_URL to the right address",
)
ACCESS = (
    Row(_only(401), "", AccessDenied, "unauthorized", "ZenML refuses the login: {detail}. {remedy}"),
    Row(_only(402), "", AccessDenied, "subscription", "this needs another ZenML Pro subscription: {detail}"),
    Row(_only(403), "", AccessDenied, "forbidden", "ZenML forbids this: {detail}. Give the account the permission"),
)

START: tuple[Row, ...] = (
    REDIRECT,
    *ACCESS,
    Row(SUCCESS, "", Unclear, "unreadable", "ZenML answered {status}, but not with a run; it may have started one"),
    Row(_only(400), "run configuration", BodyRefused, "body", "ZenML refuses the run configuration: {detail}"),
    Row(_only(400), "can't set", BodyRefused, "body", "ZenML refuses the run configuration: {detail}"),
    Row(_only(400), "", Refused, "refused", "ZenML cannot run {what}: {detail}"),
    Row(_only(404), "could not format the name", BodyRefused, "run_name", "the run name cannot be used: {detail}"),
    Row(
        _only(404), "secret", BodyRefused, "secret", "the run configuration names a secret that is not there: {detail}"
    ),
    Row(_only(404), "", NotFound, "not_found", "{what} is not there any more: {detail}"),
    Row(_only(405), "", Refused, "triggering_disabled", TRIGGERING_DISABLED),
    Row(_only(408), "", Unclear, "timeout", "a gateway before ZenML gave up waiting ({detail})"),
    Row(_only(409), "", NameTaken, "name_taken", "{detail}"),
    Row(
        _only(413), "", BodyRefused, "too_large", "the run configuration is too large for ZenML or a gateway before it"
    ),
    Row(_only(422), "", BodyRefused, "body", "ZenML refuses the run configuration: {detail}"),
    Row(_only(429), "maxconcurrenttasks", AtCapacity, "at_capacity", "ZenML starts no more runs at once now: {detail}"),
    Row(_only(429), "", Unclear, "too_busy", "ZenML is too busy to answer, and may go on with it: {detail}"),
    Row(range(400, 500), "", Refused, "refused", "ZenML refuses to run {what} ({status}): {detail}"),
    Row(_only(500), "replacement index", BodyRefused, "run_name", "the run name cannot be used: {detail}"),
    Row(GATEWAY, "", Unclear, "unavailable", "ZenML is away ({status}), and may have started the run: {detail}"),
    Row(
        range(100, 600), "", Unclear, "server_error", "ZenML failed ({status}), and may have started the run: {detail}"
    ),
)
"""Answers to a POST that starts a run, but for the good one."""

READ: tuple[Row, ...] = (
    REDIRECT,
    *ACCESS,
    Row(SUCCESS, "", NotSent, "unreadable", "the answer cannot be read: is ZENML_STORE_URL a ZenML server's address?"),
    Row(_only(404), "project", NotFound, "no_project", "ZenML does not know the project: {detail}"),
    Row(_only(404), "workspace", NotFound, "no_project", "ZenML does not know the project: {detail}"),
    Row(_only(404), "", NotFound, "not_found", "ZenML has no {what}: {detail}"),
    Row(_only(400), "project scope missing", Refused, "no_project", "ZenML Pro has no default project: name one"),
    Row(_only(408), "", NotSent, "timeout", "ZenML could not be asked for {what} ({status}): {detail}"),
    Row(_only(429), "", NotSent, "too_busy", "ZenML is too busy to tell about {what}: {detail}"),
    Row(range(400, 500), "", Refused, "refused", "ZenML refuses to tell about {what} ({status}): {detail}"),
    Row(GATEWAY, "", NotSent, "unavailable", "ZenML is away ({status}), and cannot be asked for {what}: {detail}"),
    Row(range(100, 600), "", NotSent, "server_error", "ZenML could not be asked for {what} ({status}): {detail}"),
)
"""Answers to a question. Whatever goes wrong, nothing was started by asking."""

STOP: tuple[Row, ...] = (
    REDIRECT,
    Row(_only(403), "no orchestrator run id", NotYet, "not_yet", "{what} cannot be stopped before it is on its way"),
    Row(_only(403), "already", Refused, "ended", "{what} has ended already: {detail}"),
    Row(_only(403), "finished run", Refused, "ended", "{what} has ended already: {detail}"),
    *ACCESS,
    Row(_only(404), "", NotFound, "not_found", "{what} is not there any more: {detail}"),
    Row(_only(405), "", Refused, "cannot_stop", "this ZenML server cannot stop runs"),
    Row(_only(408), "", NotSent, "timeout", "ZenML could not be asked to stop {what} ({status}): {detail}"),
    Row(_only(429), "", NotSent, "too_busy", "ZenML is too busy to stop {what}: {detail}"),
    Row(range(400, 500), "", Refused, "refused", "ZenML refuses to stop {what} ({status}): {detail}"),
    # Before 0.93 most orchestrators; nothing was done then.
    Row(_only(501), "does not support stopping", Refused, "cannot_stop", "{what} cannot be stopped: {detail}"),
    Row(GATEWAY, "", NotSent, "unavailable", "ZenML is away ({status}), and cannot be asked to stop {what}: {detail}"),
    Row(range(100, 600), "", NotSent, "server_error", "ZenML failed to stop {what} ({status}): {detail}"),
)
"""Answers to a run's stop, but for those that `asked_to_stop` knows."""

LOGIN: tuple[Row, ...] = (
    REDIRECT,
    Row(SUCCESS, "", NotSent, "unreadable", "the answer to the login cannot be read: is that a ZenML server?"),
    Row(_only(429), "", NotSent, "login_rate", "ZenML allows no more logins for now: {detail}"),
    Row(_only(408), "", NotSent, "server_error", "the login at ZenML failed ({status}): {detail}"),
    Row(range(400, 500), "", AccessDenied, "login_refused", "ZenML refuses the login ({status}): {detail}. {remedy}"),
    Row(GATEWAY, "", NotSent, "unavailable", "ZenML is away ({status}); the login failed: {detail}"),
    Row(range(100, 600), "", NotSent, "server_error", "the login at ZenML failed ({status}): {detail}"),
)
"""Answers to a login, but for the good one. No run was started, whatever it says."""


def failure(answer: Answer, table: Sequence[Row], reader: Reader, what: str = "") -> ZenMLError:
    """Give the error that this answer stands for."""
    detail = _said(answer)
    row = next(row for row in table if answer.status in row.statuses and row.words in detail.lower())
    for secret in reader.secrets():
        detail = detail.replace(secret, "***")
    sentence = row.sentence.format(
        detail=_short(detail) or "no reason given",
        status=answer.status,
        what=what,
        remedy=reader.remedy,
        host=_host(answer.headers.get("location", "")),
    )
    wait = retry_after(answer, reader.wall) if row.error.retryable else None
    return row.error(sentence, code=row.code, retry_after=wait, http_status=answer.status)


def asked_to_stop(answer: Answer) -> bool:
    """Tell whether a run is asked to stop now, whether or not this is what the answer is about.

    An orchestrator that cannot stop anything by force is a 501, but by then the run is `stopping`, and does so when
    its step has finished.
    """
    said = _said(answer).lower()
    unable = answer.status == 501 and "not implemented" in said
    return answer.status in SUCCESS or unable or (answer.status == 403 and "already being stopped" in said)


def retry_after(answer: Answer, wall: Callable[[], datetime] | None) -> float | None:
    """Read `Retry-After`: seconds from now, 0 for a past date, None if there is none or it is garbage.

    A date counts from the server's own `Date`, so that a clock that is wrong does not matter; else from `wall`.
    """
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_RETRY_AFTER)
    then, now = _date(text), server_time(answer) or (wall() if wall else None)
    if then is None or now is None:
        return None
    return min(max((then - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def server_time(answer: Answer) -> datetime | None:
    """Give the server's clock as it stood when it answered, if it tells."""
    return _date(answer.headers.get("date", ""))


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _host(location: str) -> str:
    try:
        return urlsplit(location).hostname or "another path"
    except ValueError:
        return "an address that cannot be read"


def _said(answer: Answer) -> str:
    """Find the server's own words: `{"detail": …}`, `{"error": …}`, a bare list, or text that is not a page."""
    try:
        value = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        text = answer.content[: 4 * LONGEST_DETAIL].decode(errors="replace").strip()
        return "" if text.startswith("<") else text
    if isinstance(value, dict):
        value = value.get("detail", value.get("error", ""))
    return _words(value)


def _words(value: Any) -> str:
    """Make one text of `["ValueError", "it is wrong"]`, of a plain text, or of FastAPI's list of objects."""
    if isinstance(value, list):
        return ": ".join(filter(None, (_words(part) for part in value)))
    if isinstance(value, dict):
        return _words(value.get("msg", ""))
    return str(value).strip().strip('"') if value else ""


def _short(text: str) -> str:
    plain = " ".join(text.split())
    short = plain if len(plain) <= LONGEST_DETAIL else plain[: LONGEST_DETAIL - 1] + "…"
    return short.rstrip(".")
