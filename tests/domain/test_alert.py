"""Alerts as programs and people read them, and what may be seen of an address."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from worker.domain.alert import Alert, AlertKind, as_plain, digest, from_plain, gravest, message_id, text_of
from worker.domain.receivers import Receivers, blotted, shown

NOW = datetime(2026, 3, 1, 2, 0, 7, tzinfo=UTC)


def alert(number: int = 1, **changed: Any) -> Alert:
    given: dict[str, Any] = {
        "id": f"id-{number}",
        "kind": AlertKind.FAILURE,
        "schedule": f"nightly-{number}",
        "title": f"nightly-{number} failed",
        "reason": "step trainer raised",
        "at": NOW,
    }
    return Alert(**{**given, **changed})


FULL = alert(fire_time=NOW, trigger="t", run_id="r", url="https://zenml/r", place="a.yaml:3", count=2)


@pytest.mark.parametrize("one", [alert(), FULL, alert(schedule=None, kind=AlertKind.PAUSED)])
def test_there_and_back(one: Alert) -> None:
    plain = json.loads(json.dumps(as_plain(one)))
    assert None not in plain.values()
    assert from_plain(plain) == one
    assert from_plain({**plain, "added_later": 1}) == one


def test_an_alert_for_a_person() -> None:
    assert text_of(FULL) == (
        "nightly-1 failed",
        "step trainer raised\ntimes: 2\nfire time: 2026-03-01 02:00:07 UTC\nrun: https://zenml/r\ndefined in: a.yaml:3",
    )
    assert text_of(alert()) == ("nightly-1 failed", "step trainer raised")
    assert text_of(alert(trigger="t"))[1].endswith("trigger: t")


def test_a_digest_counts_and_lists_the_gravest_first() -> None:
    alerts = [alert(n, kind=AlertKind.RECOVERED, title=f"nightly-{n} recovered") for n in range(2)]
    alerts += [alert(n) for n in range(2, 52)]
    title, text = digest(alerts)
    assert title == "50 schedules failed, 2 schedules recovered"
    lines = text.split("\n")
    assert lines[0] == "nightly-2 failed: step trainer raised"
    assert len(lines) == 21
    assert lines[-1] == "and 32 more"
    assert gravest(alerts) is AlertKind.FAILURE


def test_a_digest_of_few_lists_them_all() -> None:
    title, text = digest([alert(1), alert(1, id="again", reason="x\ny" * 200), alert(2, kind=AlertKind.LATE)])
    assert title == "1 schedule failed, 1 schedule is late"
    assert len(text.split("\n")) == 3
    assert max(map(len, text.split("\n"))) <= 160
    assert digest([alert(schedule=None), alert(2)])[0] == "2 triggers failed"


@pytest.mark.parametrize("kind", AlertKind)
def test_every_kind_has_words(kind: AlertKind) -> None:
    title, text = digest([alert(n, kind=kind) for n in range(3)])
    assert title.startswith("3 schedules ")
    assert text.count("\n") == 2


def test_a_message_has_one_id_whatever_the_order() -> None:
    one, other = alert(1), alert(2)
    assert message_id([one, other]) == message_id([other, one]) != message_id([one])
    assert message_id([alert(at=NOW + timedelta(1))]) == message_id([one])


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://hooks.example.com/secret?k=secret", "https://hooks.example.com/…"),
        ("HTTPS://me:secret@Hooks.example.com:8443/secret", "https://hooks.example.com:8443/…"),
        ("http://[::1]:80/secret", "http://[::1]:80/…"),
        ("http://se/cret@hooks.example.com", "http://se/…"),
        ("http://user:secret/x@example.com", "http://…"),
        ("slack://secret/secret/secret", "slack://…"),
        ("mailto://me:secret@example.com", "mailto://…"),
        ("secret", "://…"),
    ],
)
def test_what_is_seen_of_an_address(url: str, told: str) -> None:
    assert shown(url) == told


def test_what_somebody_says_of_an_address_is_blotted() -> None:
    assert blotted("no host T0KEN-b in slack://a/T0KEN-b", "slack://a/T0KEN-b") == "no host *** in slack://***"
    assert blotted("b%2Fcd or b/cd", "slack://x/b%2Fcd") == "*** or ***"
    web = "https://hooks.example.com:8443/T0KEN"
    assert (
        blotted("Cannot connect to host hooks.example.com:8443", web) == "Cannot connect to host hooks.example.com:8443"
    )


def test_a_receiver_with_one_address_is_its_own_part() -> None:
    receivers = Receivers(urls={"a": ("slack://x",), "b": ("slack://x", "slack://y")})
    assert receivers.parts("a") == ("a",)
    assert receivers.parts("b") == ("b#1", "b#2")
    assert receivers.parts("nobody") == ("nobody",)
    assert receivers.parts("https://x.example.com") == ("https://x.example.com",)
    assert [receivers.find(part) for part in receivers.parts("b")] == [("slack://x",), ("slack://y",)]
    assert "slack" not in repr(receivers)
