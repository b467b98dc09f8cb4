"""What a key looks like, how it stands, and who is counted together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from worker.domain.access import Area
from worker.domain.addresses import neighbourhood
from worker.domain.apikey import (
    LONGEST_NAME,
    ApiKey,
    KeyStanding,
    check_name,
    digest_of,
    join,
    matches,
    split,
    successor,
)
from worker.domain.errors import InvalidInput
from worker.domain.rate import format_rate, parse_rate

ID = "0123456789ab"
SECRET = "A-z_" + "x" * 39
NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = ApiKey(id=ID, name="ci", digest=digest_of(SECRET), scopes=("read",), rate=60, created=NOW - 2 * DAY, by="cli:ann")


def test_a_key_is_read_as_it_was_written() -> None:
    text = join(ID, SECRET)
    assert text == f"zb_{ID}_{SECRET}"
    assert split(text) == (ID, SECRET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zb_",
        join(ID, SECRET) + "\n",
        join(ID, SECRET + "x"),
        join(ID, SECRET[1:]),
        join(ID.upper(), SECRET),
        join(ID, "ä" + SECRET[1:]),
        "Bearer " + join(ID, SECRET),
    ],
)
def test_what_does_not_look_like_a_key_is_none(text: str) -> None:
    assert split(text) is None


def test_only_the_digest_is_kept_and_only_the_whole_secret_fits() -> None:
    assert SECRET not in repr(KEY)
    assert matches(KEY.digest, SECRET)
    assert not matches(KEY.digest, SECRET[:-1])
    assert KEY.grants.may(Area.READ)


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({}, KeyStanding.ACTIVE),
        ({"expires": NOW + DAY}, KeyStanding.ACTIVE),
        ({"expires": NOW}, KeyStanding.EXPIRED),
        ({"revoked": NOW - DAY}, KeyStanding.REVOKED),
        ({"revoked": NOW - DAY, "expires": NOW - DAY}, KeyStanding.REVOKED),
    ],
)
def test_how_a_key_stands(changes: dict[str, datetime], standing: KeyStanding) -> None:
    key = replace(KEY, **changes)
    assert key.standing(NOW) is standing
    assert key.active(NOW) is (standing is KeyStanding.ACTIVE)


@pytest.mark.parametrize(("expires", "later"), [(None, None), (NOW + DAY, NOW + 3 * DAY)])
def test_a_successor_may_do_the_same_and_for_as_long(expires: datetime | None, later: datetime | None) -> None:
    old = replace(KEY, expires=expires, last_used=NOW)
    new = successor(old, "b" * 12, "d", "bob", NOW)
    assert (new.name, new.scopes, new.rate, new.expires) == ("ci", ("read",), 60, later)
    assert (new.id, new.digest, new.by, new.created, new.last_used) == ("b" * 12, "d", "bob", NOW, None)


def test_names_of_keys() -> None:
    check_name("ci-1.main_x")
    for name in ("", "CI", "-ci", "c i", "ci\n", "x" * (LONGEST_NAME + 1)):
        with pytest.raises(InvalidInput, match="is no name for a key") as refused:
            check_name(name)
        assert refused.value.faults[0].path == "name"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", "nowhere"),
        ("unix:" + "x" * 100, "unix:" + "x" * 59),
    ],
)
def test_of_an_ipv6_address_its_customer_is_counted(address: str, counted: str) -> None:
    assert neighbourhood(address) == counted


@pytest.mark.parametrize(
    ("text", "rate"), [("600/min", 600), (" 1 / min ", 1), ("none", 0), ("1000000/min", 1_000_000)]
)
def test_rates(text: str, rate: int) -> None:
    assert parse_rate(text) == rate
    assert parse_rate(format_rate(rate)) == rate


@pytest.mark.parametrize("text", ["", "600", "0/min", "1000001/min", "-1/min", "1.5/min", "600/s", "٣/min"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(InvalidInput, match="600/min"):
        parse_rate(text)
