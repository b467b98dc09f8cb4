"""Signatures of webhooks: the vectors that their makers publish, and what must not pass."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.errors import CallRefused
from worker.domain.signatures import MISMATCH, TIMED, Scheme, check_age, keys_of, sign, verify

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECRET = "a long random secret"
STANDARD_SECRET = f"whsec_{base64.b64encode(b'thirty-two bytes of random stuff').decode()}"
BODY = b'{"id": "evt_1"}'

GITHUB_SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
STANDARD_HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
STRIPE_BODY = b"""{
  "id": "evt_123",
  "object": "event",
  "account": "acct_123",
  "api_version": "2017-05-25",
  "created": 1533204620,
  "data": {
    "object": {
      "id": "cus_123",
      "object": "customer",
      "created": 123456789,
      "email": "test@stripe.com",
      "livemode": false,
      "metadata": {}
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": {
    "id": "req_123",
    "idempotency_key": "idempotency-key-123"
  },
  "type": "customer.created"
}
"""
STRIPE_SIGNATURE = (
    "t=1533204620,v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7,"
    "v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef"
)


def secret_of(scheme: Scheme) -> str:
    return STANDARD_SECRET if scheme is Scheme.STANDARD else SECRET


def signed(scheme: Scheme, secret: str = "", body: bytes = BODY, header: str = "") -> dict[str, str]:
    return sign(scheme, secret or secret_of(scheme), body, now=NOW, identity="d-1", header=header)


def test_github_as_in_its_documentation() -> None:
    headers = {"x-hub-signature-256": GITHUB_SIGNATURE}
    secret, body = "It's a Secret to Everybody", b"Hello, World!"
    assert verify(Scheme.GITHUB, [secret], headers, body).identity == ""
    assert sign(Scheme.GITHUB, secret, body, now=NOW, identity="") == headers


def test_standard_webhooks_as_in_its_test_suite() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = verify(Scheme.STANDARD, [secret], STANDARD_HEADERS, b'{"test": 2432232314}')
    assert found.identity == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert found.at == datetime(2021, 2, 25, 15, 2, 10, tzinfo=UTC)
    # Its libraries take a secret without the mark as well.
    assert verify(Scheme.STANDARD, [secret.removeprefix("whsec_")], STANDARD_HEADERS, b'{"test": 2432232314}') == found


def test_stripe_as_in_the_tests_of_its_library() -> None:
    found = verify(Scheme.STRIPE, ["webhook_secret"], {"stripe-signature": STRIPE_SIGNATURE}, STRIPE_BODY)
    assert found.at == datetime.fromtimestamp(1533204620, UTC)


def test_mlflow_as_its_sender_makes_it() -> None:
    identity, stamp = "0f4f7c4e-58d6-4b8c-9a5e-5f0a2b1c3d4e", "1764158400"
    digest = hmac.new(SECRET.encode(), f"{identity}.{stamp}.".encode() + BODY, hashlib.sha256).digest()
    headers = {
        "x-mlflow-delivery-id": identity,
        "x-mlflow-timestamp": stamp,
        "x-mlflow-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    found = verify(Scheme.MLFLOW, [SECRET], headers, BODY)
    assert (found.identity, found.at) == (identity, datetime.fromtimestamp(int(stamp), UTC))


def test_plain_takes_hex_and_base64_and_a_header_of_ones_own() -> None:
    digest = hmac.new(SECRET.encode(), BODY, hashlib.sha256).digest()
    for text in (digest.hex(), digest.hex().upper(), f"sha256={digest.hex()}", base64.b64encode(digest).decode()):
        verify(Scheme.PLAIN, [SECRET], {"x-signature": text}, BODY)
        verify(Scheme.PLAIN, [SECRET], {"x-gitea-signature": text}, BODY, header="X-Gitea-Signature")


def test_bearer_shows_the_secret() -> None:
    verify(Scheme.BEARER, [SECRET], {"authorization": f"Bearer {SECRET}"}, BODY)
    verify(Scheme.BEARER, [SECRET], {"authorization": f"bearer  {SECRET}"}, BODY)
    verify(Scheme.BEARER, [SECRET], {"x-gitlab-token": SECRET}, BODY, header="x-gitlab-token")
    for text in (SECRET, f"Basic {SECRET}", "Bearer", f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}"):
        with pytest.raises(CallRefused):
            verify(Scheme.BEARER, [SECRET], {"authorization": text}, BODY)


@pytest.mark.parametrize("scheme", Scheme)
def test_what_is_signed_here_passes_here(scheme: Scheme) -> None:
    found = verify(scheme, [secret_of(scheme)], signed(scheme), BODY)
    assert (found.at == NOW) is (scheme in TIMED)


@pytest.mark.parametrize("scheme", Scheme)
def test_while_a_secret_is_changed_the_old_one_passes_too(scheme: Scheme) -> None:
    old = secret_of(scheme)
    new = f"whsec_{base64.b64encode(b'another thirty-two bytes of stuff').decode()}"
    for used in (old, new):
        verify(scheme, [new, old], signed(scheme, used), BODY)
    with pytest.raises(CallRefused, match="does not fit"):
        verify(scheme, [new], signed(scheme, old), BODY)


@pytest.mark.parametrize("scheme", [scheme for scheme in Scheme if scheme is not Scheme.BEARER])
def test_another_body_does_not_pass(scheme: Scheme) -> None:
    for body in (BODY + b" ", BODY[:-1], b"", BODY.replace(b"1", b"2")):
        with pytest.raises(CallRefused, match="does not fit"):
            verify(scheme, [secret_of(scheme)], signed(scheme), body)


@pytest.mark.parametrize("scheme", Scheme)
def test_a_header_that_is_missing_is_named(scheme: Scheme) -> None:
    headers = signed(scheme)
    for name in headers:
        left = {other: value for other, value in headers.items() if other != name}
        with pytest.raises(CallRefused, match=f"the header {name} is missing"):
            verify(scheme, [secret_of(scheme)], left, BODY)


@pytest.mark.parametrize("used", Scheme)
@pytest.mark.parametrize("wanted", Scheme)
def test_a_signature_of_another_scheme_does_not_pass(used: Scheme, wanted: Scheme) -> None:
    if used is wanted:
        return
    with pytest.raises(CallRefused):
        verify(wanted, [STANDARD_SECRET], signed(used, STANDARD_SECRET), BODY)


@pytest.mark.parametrize("scheme", [Scheme.STANDARD, Scheme.MLFLOW])
def test_id_and_time_are_signed_too(scheme: Scheme) -> None:
    headers = signed(scheme)
    identity, stamp, _ = headers
    for changed in ({identity: "d-2"}, {stamp: "1764158401"}):
        with pytest.raises(CallRefused, match="does not fit"):
            verify(scheme, [secret_of(scheme)], headers | changed, BODY)


def test_a_dot_cannot_be_moved_from_the_id_to_the_time() -> None:
    secret = STANDARD_SECRET
    headers = sign(Scheme.STANDARD, secret, b'5.{"a": 1}', now=NOW, identity="d")
    stamp = headers["webhook-timestamp"]
    moved = headers | {"webhook-id": f"d.{stamp}", "webhook-timestamp": "5"}
    with pytest.raises(CallRefused, match="may not hold a dot"):
        verify(Scheme.STANDARD, [secret], moved, b'{"a": 1}')


@pytest.mark.parametrize("scheme", sorted(TIMED))
def test_what_is_late_or_early_is_refused(scheme: Scheme) -> None:
    found = verify(scheme, [secret_of(scheme)], signed(scheme), BODY)
    tolerance = timedelta(minutes=5)
    for off in (-tolerance, timedelta(), tolerance):
        check_age(found, NOW + off, tolerance)
    with pytest.raises(CallRefused, match="301 s ago, and 300 s are allowed"):
        check_age(found, NOW + tolerance + timedelta(seconds=1), tolerance)
    with pytest.raises(CallRefused, match="301 s ahead"):
        check_age(found, NOW - tolerance - timedelta(seconds=1), tolerance)


def test_a_scheme_that_signs_no_time_has_no_age() -> None:
    found = verify(Scheme.GITHUB, [SECRET], signed(Scheme.GITHUB), BODY)
    check_age(found, NOW + timedelta(days=1000), timedelta(seconds=1))


@pytest.mark.parametrize(
    ("scheme", "header", "text"),
    [
        (Scheme.GITHUB, "x-hub-signature-256", "sha1=9a"),
        (Scheme.GITHUB, "x-hub-signature-256", "757107ea"),
        (Scheme.GITHUB, "x-hub-signature-256", "sha256="),
        (Scheme.GITHUB, "x-hub-signature-256", f"sha256={'g' * 64}"),
        (Scheme.STRIPE, "stripe-signature", "t=1"),
        (Scheme.STRIPE, "stripe-signature", "t=,v1=2220"),
        (Scheme.STRIPE, "stripe-signature", "t=1,t=2,v1=2220"),
        (Scheme.STRIPE, "stripe-signature", "t=\u0661,v1=2220"),
        (Scheme.STRIPE, "stripe-signature", f"t={'9' * 12},v1=2220"),
        (Scheme.STRIPE, "stripe-signature", ",,"),
        (Scheme.STANDARD, "webhook-signature", "v2,g0hM9SsE"),
        (Scheme.STANDARD, "webhook-signature", "v1,not base64"),
        (Scheme.STANDARD, "webhook-signature", "v1,"),
        (Scheme.STANDARD, "webhook-signature", "v1a,AAAA"),
        (Scheme.STANDARD, "webhook-timestamp", "2026-11-26T12:00:00Z"),
        (Scheme.STANDARD, "webhook-timestamp", "-1"),
        (Scheme.PLAIN, "x-signature", "\u00e4"),
    ],
)
def test_nonsense_does_not_pass(scheme: Scheme, header: str, text: str) -> None:
    with pytest.raises(CallRefused):
        verify(scheme, [secret_of(scheme)], signed(scheme) | {header: text}, BODY)


def test_no_secret_lets_nobody_in() -> None:
    for scheme in Scheme:
        with pytest.raises(CallRefused):
            verify(scheme, [], signed(scheme), BODY)
    assert keys_of(Scheme.STANDARD, ["whsec_", "whsec_no base64 at all", STANDARD_SECRET]) == (
        b"thirty-two bytes of random stuff",
    )
    with pytest.raises(ValueError, match="whsec_ and base64"):
        sign(Scheme.STANDARD, "no base64 at all", BODY, now=NOW, identity="d")


def test_the_sentence_tells_nothing_of_the_secret() -> None:
    assert SECRET not in MISMATCH


@given(
    st.sampled_from(Scheme), st.dictionaries(st.sampled_from(sorted(signed(Scheme.STANDARD))), st.text()), st.binary()
)
def test_whatever_comes_is_refused_by_one_error(scheme: Scheme, headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(CallRefused):
        verify(scheme, [secret_of(scheme)], headers, body)
