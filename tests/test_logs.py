"""Log lines: one event a line, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from worker.domain.errors import Fault
from worker.logs import configure


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], level = before
    root.setLevel(level)


def said(style: str, message: str, **extra: object) -> str:
    stream = io.StringIO()
    configure("INFO", style, stream)
    logging.getLogger("zenbeat.test").info(message, extra=extra)
    return stream.getvalue()


def test_text_is_one_line_with_fields() -> None:
    line = said("text", "fired", schedule="s", nothing=None)
    assert line.endswith("INFO    zenbeat.test fired schedule=s\n")


def test_json_is_one_object() -> None:
    entry = json.loads(said("json", "fired", schedule="s", count=3))
    assert (entry["event"], entry["schedule"], entry["count"], entry["level"]) == ("fired", "s", 3, "info")


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize(
    "secret",
    [
        "Bearer abc.def-ghi",
        "ZENKEY_0123456789abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx",
        "redis://user:hunter2@host/0",
        f"zb_0123456789ab_{'canary-_' * 5}123",
        f"Basic {'Y2FuYXJ5' * 10}",
        "whsec_Q2FuYXJ5Y2FuYXJ5Y2FuYXJ5",
        f"sha256={'ca9a47' * 10}abcd",
        f"v1={'ca9a47' * 10}abcd",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ],
)
def test_secrets_are_blotted_out_wherever_they_stand(style: str, secret: str) -> None:
    hidden = secret.split("@", 1)[0].split("://")[-1].removeprefix("Bearer ").removeprefix("Basic ")
    assert hidden not in said(style, f"failed with {secret}", reason=secret)


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_line_cannot_be_forged(style: str) -> None:
    assert said(style, "a\nINFO forged", reason="b\r\n\x1b[31mred").count("\n") == 1


def test_several_lines_become_one_that_reads_well() -> None:
    assert said("text", "refused", reason="it does not fit:\n  x: no\n  y: no\n").endswith(
        "it does not fit: x: no; y: no\n"
    )


def test_a_fault_is_its_sentence_also_in_json() -> None:
    entry = json.loads(said("json", "fault", fault=Fault(message="no", file="s.yaml", line=1, column=2)))
    assert entry["fault"] == "s.yaml:1:2: no"


def test_a_traceback_follows() -> None:
    stream = io.StringIO()
    configure("INFO", "json", stream)
    try:
        raise ValueError("Bearer canary-token")
    except ValueError:
        logging.getLogger("zenbeat.test").exception("tick failed")
    entry = json.loads(stream.getvalue())
    assert "ValueError" in entry["traceback"]
    assert "canary" not in stream.getvalue()


@pytest.mark.parametrize("style", ["text", "json"])
def test_what_an_exception_says_cannot_forge_a_line(style: str) -> None:
    stream = io.StringIO()
    configure("INFO", style, stream)
    try:
        raise ValueError("a\r\n2026-01-01T00:00:00.000Z INFO    zenbeat.test forged\x1b[2J")
    except ValueError:
        logging.getLogger("zenbeat.test").exception("tick failed")
    lines = stream.getvalue().splitlines()
    assert "ValueError" in stream.getvalue()
    assert not [line for line in lines if line.startswith("2026-01-01") or "\x1b" in line]


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("value", [["Bearer canary"], {"a": {"Bearer canary": ("Bearer canary",)}}])
def test_secrets_are_blotted_out_also_within_a_value(style: str, value: object) -> None:
    assert "canary" not in said(style, "fired", what=value)
