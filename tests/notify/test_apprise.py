"""Alerts through apprise: its `json://` service posts to the local receiver what it would tell a person."""

import asyncio
import os
import subprocess
import sys
import time
import traceback

import pytest

from worker.domain.alert import AlertKind
from worker.domain.errors import NotDelivered
from worker.notify.apprise import Apprise, fault_of

CANARY = "canary-token"


def address(receiver, path=CANARY):
    return receiver.url.replace("http://", "json://") + f"/{path}"


def refused(kit, url):
    with pytest.raises(NotDelivered) as caught:
        kit.deliver(url)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    assert not caught.value.gone
    return str(caught.value)


def test_a_person_gets_a_title_and_a_few_lines(kit, receiver, logged):
    alert = kit.alert(url="https://zenml.example.com/runs/1", place="schedules/nightly.yaml:3")
    kit.deliver("ops", alert, urls={"ops": (address(receiver),)})
    (seen,) = receiver.seen
    assert seen.path == f"/{CANARY}"
    assert seen.message["title"] == "nightly-1 failed"
    assert seen.message["type"] == "failure"
    assert seen.message["message"].split("\n") == [
        "the run failed: step trainer: ValueError",
        "fire time: 2026-03-01 02:00:00 UTC",
        "run: https://zenml.example.com/runs/1",
        "defined in: schedules/nightly.yaml:3",
    ]
    assert CANARY not in logged.getvalue()


def test_many_are_one_message(kit, receiver):
    kit.deliver(address(receiver), *(kit.alert(n, kind=AlertKind.LATE) for n in range(50)))
    (seen,) = receiver.seen
    assert seen.message["title"] == "50 schedules are late"
    assert seen.message["type"] == "warning"
    assert seen.message["message"].endswith("and 30 more")


def test_text_goes_as_it_is(kit, receiver):
    reason = "<b>{{ fire_time }}</b> \\n *x* & :smile:"
    kit.deliver(address(receiver), kit.alert(reason=reason, fire_time=None))
    assert receiver.seen[0].message["message"] == reason


def test_what_a_service_refuses_is_told_in_its_own_words(kit, receiver, logged):
    receiver.status = 503
    told = refused(kit, address(receiver))
    assert told.startswith("json://… did not take it: Failed to send JSON POST notification")
    assert "503" in told
    assert CANARY not in logged.getvalue()


def test_a_redirect_is_not_taken_for_a_delivery(kit, receiver):
    receiver.status, receiver.headers = 302, {"location": f"{receiver.url}/elsewhere"}
    assert "302" in refused(kit, address(receiver))
    assert len(receiver.seen) == 1


def test_nobody_there(kit, logged):
    assert "json://… did not take it: " in refused(kit, f"jsons://{CANARY}.invalid/{CANARY}").replace("jsons", "json")
    assert CANARY not in logged.getvalue()


def test_a_service_that_hangs_does_not_hold_up_the_loop(kit, receiver):
    receiver.answer = receiver.hang
    naps = []

    async def nap():
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            naps.append(time.monotonic() - began)

    async def main():
        napping = asyncio.create_task(nap())
        try:
            await Apprise(total_seconds=1.0).send(address(receiver), [kit.alert()])
        finally:
            napping.cancel()
            receiver.ended.set()

    fault_of(address(receiver))  # so that the import, which holds the interpreter's lock for long, is no part of it
    began = time.monotonic()
    with pytest.raises(NotDelivered, match=r"json://… gave no answer within 1 s") as caught:
        asyncio.run(main())
    assert time.monotonic() - began < 5
    assert CANARY not in str(caught.value)
    assert len(naps) > 20
    assert max(naps) < 0.5


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"slack://{CANARY}", "slack://… is no address that apprise can use here"),
        (f"slcak://{CANARY}", "slcak://… is for a service that apprise does not know"),
    ],
)
def test_an_address_that_is_none(kit, url, told, logged):
    assert refused(kit, url) == fault_of(url) == told
    assert CANARY not in logged.getvalue()


def test_without_apprise_it_says_what_to_install(kit, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert refused(kit, f"slack://{CANARY}/b/c") == 'slack://… needs apprise: pip install "zenbeat[notify]"'


def test_apprise_is_not_imported_before_it_is_needed():
    code = (
        "import sys, worker.notify, worker.settings; from worker.notify import Notifier\n"
        "from worker.domain.receivers import Receivers\n"
        "Notifier(Receivers(urls={'ops': ('slack://a/b/c',)}), now=lambda: None)\n"
        "sys.exit('apprise' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, timeout=60).returncode == 0
