"""What of an answer does not need a wire: its words, and the time it asks for."""

from datetime import UTC, datetime

import pytest

from worker.domain.errors import NotSent, Refused, Unclear, ZenMLError
from worker.zenml.classify import LOGIN, READ, START, Reader, failure, retry_after
from worker.zenml.wire import Answer

READER = Reader(remedy="Do something.", secrets=lambda: ("hunter2",))
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = "Mon, 23 Nov 2026 12:00:30 GMT"


def answer(status, content=b"", **headers):
    return Answer(
        status=status, headers={key.replace("_", "-"): value for key, value in headers.items()}, content=content
    )


@pytest.mark.parametrize(
    ("headers", "wall", "seconds"),
    [
        ({"retry_after": LATER}, lambda: NOON, 30.0),
        ({"retry_after": LATER}, None, None),
        ({"retry_after": LATER, "date": "Mon, 23 Nov 2026 12:00:20 GMT"}, lambda: NOON, 10.0),
        ({"retry_after": LATER, "date": "garbage"}, lambda: NOON, 30.0),
        ({"retry_after": "Mon, 23 Nov 2026 12:00:30 -0000"}, lambda: NOON, 30.0),
        ({"retry_after": "Mon, 99 Nov 2026 12:00:30 GMT"}, lambda: NOON, None),
        ({}, lambda: NOON, None),
    ],
)
def test_a_date_counts_from_the_servers_clock_else_from_ours(headers, wall, seconds):
    assert retry_after(answer(429, **headers), wall) == seconds


@pytest.mark.parametrize("table", [START, READ, LOGIN])
def test_every_status_has_its_row(table):
    errors = [failure(answer(status), table, READER, "it") for status in range(100, 600)]
    assert all(isinstance(error, ZenMLError) and error.code for error in errors)
    assert not any("{" in str(error) for error in errors)


def test_only_a_start_is_ambiguous():
    for status in (*range(100, 200), 408, *range(501, 600)):
        assert isinstance(failure(answer(status), START, READER), Unclear)
        assert isinstance(failure(answer(status), READ, READER), NotSent)
        assert isinstance(failure(answer(status), LOGIN, READER), NotSent)


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("http://user:hunter2@evil.example:81/x", "evil.example"),
        ("/login", "another path"),
        ("http://[bad", "an address that cannot be read"),
        ("", "another path"),
    ],
)
def test_a_redirect_names_the_host_and_nothing_else(location, host):
    error = failure(answer(302, location=location), START, READER)
    assert isinstance(error, Refused)
    assert f"redirect to {host}," in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"detail": ["ValueError", "it is wrong."]}', "ValueError: it is wrong"),
        (b'["ValueError", "1 error:\\n  {}"]', "ValueError: 1 error: {}"),
        (b'{"detail": [{"loc": ["body"], "msg": "Field required"}, {"msg": "no"}]}', "Field required: no"),
        (b'{"detail": null}', "no reason given"),
        (b"  plain text  ", "plain text"),
        (b"<html>page</html>", "no reason given"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"your token hunter2 is bad", "your token *** is bad"),
        (b"x" * 5000, "x" * 399 + "…"),
    ],
)
def test_the_servers_own_words(content, words):
    assert str(failure(answer(418, content), START, READER, "it")) == f"ZenML refuses to run it (418): {words}"
