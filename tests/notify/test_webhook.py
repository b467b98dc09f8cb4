"""Webhooks on the wire: signed by the specification, bounded, and with nothing secret in what is said of them."""

import asyncio
import time
import traceback

import pytest

from worker.domain.errors import NotDelivered
from worker.domain.receivers import Receivers
from worker.notify import Notifier
from worker.notify.webhook import Webhooks

CANARY = "canary-token"


def refused(kit, url, **how):
    """Send to who will not take it; gives the error, and sees that it does not show the address."""
    with pytest.raises(NotDelivered) as caught:
        kit.deliver(f"{url}/{CANARY}", **how)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    return caught.value


def test_an_alert_is_signed_and_complete(kit, receiver):
    kit.deliver("hook", urls={"hook": (f"{receiver.url}/in",)}, secrets=(kit.secret,))
    (seen,) = receiver.seen
    assert seen.path == "/in"
    assert seen.signed_by(kit.secret)
    assert not seen.signed_by(kit.older)
    assert seen.headers["webhook-timestamp"] == str(int(kit.now.timestamp()))
    assert seen.headers["content-type"] == "application/json"
    assert seen.message == {
        "type": "zenbeat.failure",
        "timestamp": "2026-03-01T02:00:07+00:00",
        "data": {
            "id": "nightly.1@failure",
            "kind": "failure",
            "schedule": "nightly-1",
            "title": "nightly-1 failed",
            "reason": "the run failed: step trainer: ValueError",
            "at": "2026-03-01T02:00:07+00:00",
            "fire_time": "2026-03-01T02:00:00+00:00",
            "place": "",
            "count": 1,
        },
    }


def test_a_changed_byte_is_noticed(kit, receiver):
    kit.deliver(receiver.url, secrets=(kit.secret,))
    (seen,) = receiver.seen
    seen.body = seen.body.replace(b"failed", b"passed", 1)
    assert not seen.signed_by(kit.secret)


def test_two_secrets_sign_both(kit, receiver):
    kit.deliver(receiver.url, secrets=(kit.secret, kit.older))
    (seen,) = receiver.seen
    assert seen.signed_by(kit.secret)
    assert seen.signed_by(kit.older)
    assert len(seen.headers["webhook-signature"].split(" ")) == 2


def test_without_a_secret_it_is_not_signed(kit, receiver):
    kit.deliver(receiver.url)
    assert "webhook-signature" not in receiver.seen[0].headers


def test_many_are_one_digest(kit, receiver):
    kit.deliver(receiver.url, *map(kit.alert, range(50)))
    (seen,) = receiver.seen
    assert seen.message["type"] == "zenbeat.digest"
    assert [one["schedule"] for one in seen.message["data"]["alerts"]] == [f"nightly-{n}" for n in range(50)]


def test_another_attempt_has_the_same_id_and_body(kit, receiver):
    for alerts in ([kit.alert()], [kit.alert()], [kit.alert(2)], [kit.alert(), kit.alert(2)]):
        kit.deliver(receiver.url, *alerts)
    first, again, *others = receiver.seen
    assert (first.headers["webhook-id"], first.body) == (again.headers["webhook-id"], again.body)
    identities = {seen.headers["webhook-id"] for seen in (first, *others)}
    assert len(identities) == 3
    assert not any("." in identity for identity in identities), "a full stop divides what is signed"


@pytest.mark.parametrize(("status", "name"), [(400, "Bad Request"), (500, "Internal Server Error"), (103, "")])
def test_what_is_no_2xx_is_not_delivered(kit, receiver, status, name):
    receiver.status = status
    if status < 200:
        receiver.answer = lambda request: request.wfile.write(b"HTTP/1.1 799 \r\ncontent-length: 0\r\n\r\n")
    error = refused(kit, receiver.url)
    assert str(error) == f"{receiver.url}/… answered {f'{status} {name}' if name else 799}"
    assert not error.gone


def test_gone_is_never_again(kit, receiver):
    receiver.status = 410
    assert refused(kit, receiver.url).gone


def test_a_redirect_is_not_followed(kit, receiver):
    receiver.status, receiver.headers = 307, {"location": f"{receiver.url}/elsewhere"}
    assert str(refused(kit, receiver.url)).endswith("307 Temporary Redirect; redirects are not followed")
    assert len(receiver.seen) == 1


def drip(request):
    for byte in b"HTTP/1.1 200 OK\r\nx-slow: " + b"a" * 100:
        request.wfile.write(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize("answer", ["hang", drip])
def test_who_does_not_answer_is_not_waited_for(kit, receiver, answer):
    receiver.answer = receiver.hang if answer == "hang" else answer

    async def main():
        webhooks = Webhooks((), lambda: kit.now, total_seconds=0.3)
        try:
            await webhooks.send(f"{receiver.url}/{CANARY}", [kit.alert()])
        finally:
            await webhooks.aclose()

    began = time.monotonic()
    with pytest.raises(NotDelivered, match=r"gave no answer within 0\.3 s") as caught:
        asyncio.run(main())
    assert time.monotonic() - began < 3
    assert CANARY not in str(caught.value)
    receiver.ended.set()


def test_a_huge_answer_is_not_read(kit, receiver):
    sent = []

    def endless(request):
        request.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while not receiver.ended.is_set() and len(sent) < 10_000:
            request.wfile.write(b" " * 65536)
            sent.append(65536)

    receiver.answer = endless
    began = time.monotonic()
    kit.deliver(receiver.url)
    assert time.monotonic() - began < 5
    assert sum(sent) < 50_000_000, "what the sockets hold, and no more"


def test_who_is_no_web_server(kit, receiver):
    receiver.answer = lambda request: request.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    assert "gave no answer (not HTTP" in str(refused(kit, receiver.url))


def test_nobody_there(kit):
    assert "http://127.0.0.1:1/… gave no answer (Cannot connect" in str(refused(kit, "http://127.0.0.1:1"))
    assert "http://nobody.invalid/… gave no answer" in str(refused(kit, "http://nobody.invalid"))


def test_user_and_password_go_as_basic_authentication_and_are_not_shown(kit, receiver):
    address = receiver.url.replace("http://", f"http://me:{CANARY}@")
    kit.deliver(address)
    assert receiver.seen[0].headers["authorization"].startswith("Basic ")
    receiver.status = 500
    with pytest.raises(NotDelivered) as caught:
        kit.deliver(address)
    assert str(caught.value) == f"{receiver.url}/… answered 500 Internal Server Error"


@pytest.mark.parametrize("address", ["http://[", "http://", f"https://{CANARY}:pass/word@x", f"http://{CANARY}:port/"])
def test_an_address_that_is_none(kit, address):
    with pytest.raises(NotDelivered) as caught:
        kit.deliver(address)
    assert CANARY not in str(caught.value)


def test_no_secret_is_logged(kit, receiver, logged):
    kit.deliver("hook", urls={"hook": (f"{receiver.url}/{CANARY}",)}, secrets=(kit.secret,))
    assert receiver.seen
    assert CANARY not in logged.getvalue()


def test_each_address_of_a_receiver_gets_it(kit, receiver):
    urls = {"ops": (f"{receiver.url}/1", "http://127.0.0.1:1", f"{receiver.url}/2")}
    with pytest.raises(NotDelivered, match=r"127\.0\.0\.1:1/… gave no answer"):
        kit.deliver("ops", urls=urls)
    assert {seen.path for seen in receiver.seen} == {"/1", "/2"}
    parts = Receivers(urls=urls).parts("ops")
    assert parts == ("ops#1", "ops#2", "ops#3")
    kit.deliver(parts[2], urls=urls)
    assert receiver.seen[-1].path == "/2"


def test_one_that_may_answer_again_is_not_gone(kit, receiver):
    receiver.status = 410
    with pytest.raises(NotDelivered) as caught:
        kit.deliver("ops", urls={"ops": (receiver.url, "http://127.0.0.1:1")})
    assert not caught.value.gone


@pytest.mark.parametrize("name", ["opps", "ops#3", "ops#0", "ops#x"])
def test_a_name_that_nobody_has(kit, name):
    with pytest.raises(NotDelivered, match=f'there is no receiver "{name}"; did you mean "ops"'):
        kit.deliver(name, urls={"ops": ("http://127.0.0.1:1", "http://127.0.0.1:2")})


def test_no_alert_is_no_message(kit):
    async def main():
        await Notifier(Receivers(), now=lambda: kit.now).send("nobody", [])

    asyncio.run(main())
