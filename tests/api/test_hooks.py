"""Webhooks over HTTP: one delivery is one trigger, whoever sends it again; who has not signed changes nothing."""

import asyncio
import base64
import importlib.util
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import orjson
import pytest

from tests.api.deliveries import (
    CASES,
    EXAMPLES,
    GITHUB,
    MINIO,
    MLFLOW,
    PAYLOADS,
    SECRET,
    STRIPE,
    WHSEC,
    ZENML,
    Case,
    examples,
)
from worker.domain.receivers import read_secrets
from worker.domain.signatures import Scheme, sign, verify
from worker.engine.runtime import clock
from worker.notify.webhook import signature

STRANGER = ("203.0.113.7", 40_000)


@pytest.fixture
def with_hooks(door: Any, tmp_path: Path) -> Callable[..., None]:
    """Run a coroutine function with a door behind which the examples are, each with its secret."""

    def go(body: Any, secrets: dict[str, Any] | None = None, **variables: str) -> None:
        for case in CASES:
            shutil.copy(EXAMPLES / case.file, tmp_path)
        known = {case.hook: case.secret for case in CASES} if secrets is None else secrets
        door(body, ZENBEAT_HOOK_SECRETS=orjson.dumps(known).decode(), **variables)

    return go


async def recorded(d: Any) -> list[str]:
    found: list[str] = await d.engine.triggers.newest(100)
    return found


def test_each_example_has_a_case() -> None:
    assert {path.name for path in EXAMPLES.glob("*.yaml")} == {case.file for case in CASES}


@examples
def test_a_delivery_is_one_trigger_with_its_parameters(with_hooks: Any, case: Case) -> None:
    async def body(d: Any) -> None:
        caller = d.client(STRANGER, host="zenbeat.example.com")
        answer = await caller.post(f"/hooks/{case.hook}", **case.signed())
        assert answer.status_code == 202, answer.text
        (told,) = answer.json()["triggers"]
        fields = await d.trigger(told["id"])
        trigger = orjson.loads(fields["data"])
        assert (trigger["source"], trigger["origin"], trigger["pipeline"]) == (case.key, "event", case.pipeline)
        steps = trigger["body"]["steps"]
        assert {name: step["parameters"] for name, step in steps.items()} == case.parameters
        assert set(case.tags) <= set(trigger["body"]["tags"])
        assert (fields["asked_by"], fields["asked_from"]) == (f"hook:{case.hook}", STRANGER[0])
        assert await recorded(d) == [told["id"]]
        await caller.aclose()

    with_hooks(body)


@examples
def test_a_delivery_that_comes_again_is_the_same_trigger(with_hooks: Any, case: Case) -> None:
    async def body(d: Any) -> None:
        first = await d.http.post(f"/hooks/{case.hook}", **case.signed())
        again = await d.http.post(f"/hooks/{case.hook}", **case.signed())
        # Another attempt of the sender: signed anew, under another id.
        later = await d.http.post(f"/hooks/{case.hook}", **case.signed(ago=timedelta(minutes=2), identity="d-2"))
        assert first.json() == again.json() == later.json()
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == later.headers["idempotent-replayed"] == "true"
        assert len(await recorded(d)) == 1

    with_hooks(body)


@examples
def test_what_is_not_signed_well_is_refused_and_nothing_is_recorded(with_hooks: Any, case: Case) -> None:
    async def body(d: Any) -> None:
        good = case.signed()
        tampered = {**good, "content": good["content"].replace(b"2026", b"2027").replace(b"evt_1", b"evt_2")}
        unsigned = {"content": case.body, "headers": case.headers}
        other = case.signed(secret=f"whsec_{base64.b64encode(b'x' * 32).decode()}")
        for delivery in (unsigned, other, *([tampered] if case.scheme is not Scheme.BEARER else [])):
            answer = await d.http.post(f"/hooks/{case.hook}", **delivery)
            assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
            assert case.secret not in answer.text
        assert await recorded(d) == []
        refusals = await d.engine.audit.newest(10)
        assert {(one.action, one.what, one.result.value) for one in refusals} == {
            ("call.unknown", f"POST /hooks/{case.hook}", "refused")
        }

    with_hooks(body)


@pytest.mark.parametrize("case", [MLFLOW, STRIPE, ZENML], ids=lambda case: case.file)
def test_what_was_signed_long_ago_is_refused_and_is_no_guess(with_hooks: Any, case: Case) -> None:
    async def body(d: Any) -> None:
        for _ in range(12):
            answer = await d.http.post(f"/hooks/{case.hook}", **case.signed(ago=timedelta(minutes=6)))
            assert answer.status_code == 401
            assert "300 s are allowed" in answer.json()["detail"]
        assert await recorded(d) == []
        assert len(await d.engine.audit.newest(20)) == 1  # told once a minute
        assert (await d.http.post(f"/hooks/{case.hook}", **case.signed())).status_code == 202

    with_hooks(body)


def test_two_objects_in_a_delivery_are_two_triggers(with_hooks: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post("/hooks/new-objects", **MINIO.signed((PAYLOADS / "minio-two.json").read_bytes()))
        told = [one["id"] for one in answer.json()["triggers"]]
        assert sorted(await recorded(d)) == sorted(told)
        assert len(set(told)) == 2

    with_hooks(body)


@pytest.mark.parametrize(
    ("case", "payload", "headers", "why"),
    [
        (GITHUB, "github-ping.json", {"X-GitHub-Event": "ping"}, "a ping"),
        (GITHUB, "github-tag-deleted.json", {"X-GitHub-Event": "push"}, "when is false"),
        (MINIO, "minio-removed.json", {}, "when is false"),
        (MLFLOW, "mlflow-model-created.json", {}, "when is false"),
    ],
)
def test_what_is_not_meant_is_answered_and_ignored(
    with_hooks: Any, case: Case, payload: str, headers: dict[str, str], why: str
) -> None:
    async def body(d: Any) -> None:
        delivery = case.signed((PAYLOADS / payload).read_bytes())
        delivery["headers"] |= headers
        answer = await d.http.post(f"/hooks/{case.hook}", **delivery)
        assert (answer.status_code, answer.json()) == (200, {"ignored": why})
        assert await recorded(d) == []

    with_hooks(body)


def test_a_payload_that_does_not_fit_is_told_with_its_places(with_hooks: Any) -> None:
    async def body(d: Any) -> None:
        wrong = orjson.dumps({"entity": "model_version", "action": "created", "timestamp": "t", "data": {"name": 1}})
        answer = await d.http.post("/hooks/new-model", **MLFLOW.signed(wrong))
        told = answer.json()
        assert (answer.status_code, told["type"]) == (422, "urn:zenbeat:invalid")
        assert {one["pointer"] for one in told["errors"]} == {"/data", "/data/name"}
        assert await recorded(d) == []
        (entry,) = await d.engine.audit.newest(10)
        assert (entry.action, entry.who, entry.result.value) == ("hook.unusable", "hook:new-model", "refused")
        for nonsense in (b"", b"payload=%7B%7D", b"[" * 100_000):
            answer = await d.http.post("/hooks/new-model", **MLFLOW.signed(nonsense))
            assert answer.status_code == 422
        assert len(await d.engine.audit.newest(10)) == 1  # told once a minute

    with_hooks(body)


def test_what_is_in_a_payload_is_in_no_log(with_hooks: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "hooks:\n  - {name: n, pipeline: p, signature: plain, config: {tags: ['{{ payload.a | int }}']}}\n"
    (tmp_path / "n.yaml").write_text(text)

    async def body(d: Any) -> None:
        content = b'{"a": "canary"}'
        headers = sign(Scheme.PLAIN, SECRET, content, now=clock(), identity="")
        answer = await d.http.post("/hooks/n", content=content, headers=headers)
        assert answer.status_code == 422
        (entry,) = await d.engine.audit.newest(10)
        assert entry.reason == "hook n: config.tags.0: the expression fails"

    with_hooks(body, {"n": SECRET})
    assert "canary" not in str([vars(record) for record in caplog.records])


def test_a_zenbeat_takes_the_alerts_of_another_one(with_hooks: Any, tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_text("hooks:\n  - {name: alerts, pipeline: p, signature: standard}\n")

    async def body(d: Any) -> None:
        content, stamp = b'{"type": "zenbeat.failed"}', str(int(clock().timestamp()))
        signed = signature(read_secrets(WHSEC), "a1", stamp, content)
        headers = {"webhook-id": "a1", "webhook-timestamp": stamp, "webhook-signature": signed}
        answer = await d.http.post("/hooks/alerts", content=content, headers=headers)
        assert answer.status_code == 202
        fields = await d.trigger(answer.json()["triggers"][0]["id"])
        assert orjson.loads(fields["data"])["source"] == "hook:alerts:a1"

    with_hooks(body, {"alerts": WHSEC})


def test_the_same_event_with_another_content_is_a_conflict(with_hooks: Any) -> None:
    async def body(d: Any) -> None:
        assert (await d.http.post("/hooks/paid", **STRIPE.signed())).status_code == 202
        changed = STRIPE.body.replace(b"in_1MtHbELkdIwHu7ixl4OzzPMv", b"in_2")
        answer = await d.http.post("/hooks/paid", **STRIPE.signed(changed))
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:zenbeat:conflict")
        assert len(await recorded(d)) == 1

    with_hooks(body)


def test_a_hook_without_a_secret_is_closed(with_hooks: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def body(d: Any) -> None:
        for name in ("github-main", "nobody", "trained"):
            answer = await d.http.post(f"/hooks/{name}", **GITHUB.signed())
            assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such hook")
        assert await recorded(d) == []

    with_hooks(body, {"paid": SECRET, "trained": "not base64, 16 long"})
    assert [record.hook for record in caplog.records if record.message == "hook without a secret"] == [
        "github-main",
        "trained",
    ]


def test_while_a_secret_is_changed_both_pass(with_hooks: Any) -> None:
    async def body(d: Any) -> None:
        for secret in ("a new random secret", SECRET):
            assert (await d.http.post("/hooks/paid", **STRIPE.signed(secret=secret))).status_code == 202

    with_hooks(body, {"paid": ["a new random secret", SECRET]})


def test_who_signs_wrong_again_and_again_is_locked_out_and_not_who_signs_well(with_hooks: Any) -> None:
    async def body(d: Any) -> None:
        stranger = d.client(STRANGER, host="zenbeat.example.com")
        wrong = STRIPE.signed(secret="another secret of mine")
        statuses = [(await stranger.post("/hooks/paid", **wrong)).status_code for _ in range(12)]
        assert statuses == [401] * 10 + [429] * 2
        locked = await stranger.post("/hooks/paid", **wrong)
        assert int(locked.headers["retry-after"]) > 0
        # Of the same address: many send from those of GitHub and Stripe.
        assert (await stranger.post("/hooks/paid", **STRIPE.signed())).status_code == 202
        assert len(await recorded(d)) == 1
        await stranger.aclose()

    with_hooks(body)


def test_a_hook_takes_so_many_a_minute(with_hooks: Any, tmp_path: Path) -> None:
    text = "hooks:\n  - {name: slow, pipeline: p, signature: plain, rate: 2/min}\n"
    (tmp_path / "slow.yaml").write_text(text)

    async def body(d: Any) -> None:
        answers = []
        for number in range(3):
            content = orjson.dumps({"n": number})
            headers = sign(Scheme.PLAIN, SECRET, content, now=clock(), identity="")
            answers.append(await d.http.post("/hooks/slow", content=content, headers=headers))
        assert [one.status_code for one in answers] == [202, 202, 429]
        assert int(answers[2].headers["retry-after"]) > 0
        assert len(await recorded(d)) == 2

    with_hooks(body, {"slow": SECRET})


def test_where_no_more_may_wait_nothing_is_recorded(with_hooks: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post("/hooks/new-objects", **MINIO.signed((PAYLOADS / "minio-two.json").read_bytes()))
        assert (answer.status_code, answer.json()["type"]) == (429, "urn:zenbeat:queue-full")
        assert await recorded(d) == []

    with_hooks(body, ZENBEAT_QUEUE_MAX_PER_KEY="1")


def test_a_large_body_is_not_read_to_its_end(with_hooks: Any) -> None:
    async def body(d: Any) -> None:
        answer = await d.http.post("/hooks/paid", **STRIPE.signed(b'"' + b"x" * 2000 + b'"'))
        assert answer.status_code == 413
        assert await recorded(d) == []

    with_hooks(body, ZENBEAT_API_BODY_MAX="1024")


def test_a_body_of_some_size_is_read_beside_the_loop(with_hooks: Any) -> None:
    async def body(d: Any) -> None:
        payload = {**orjson.loads(STRIPE.body), "padding": "x" * 100_000}
        assert (await d.http.post("/hooks/paid", **STRIPE.signed(orjson.dumps(payload)))).status_code == 202

    with_hooks(body)


def test_what_comes_at_once_is_one_trigger(with_hooks: Any) -> None:
    async def body(d: Any) -> None:
        answers = await asyncio.gather(*(d.http.post("/hooks/paid", **STRIPE.signed()) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.text for answer in answers}) == 1
        assert len(await recorded(d)) == 1
        assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1

    with_hooks(body)


def test_other_methods_are_not_for_hooks(with_hooks: Any) -> None:
    async def body(d: Any) -> None:
        # MinIO asks with HEAD whether anybody is there: any answer will do.
        for method in ("GET", "HEAD", "PUT"):
            assert (await d.http.request(method, "/hooks/paid")).status_code == 405

    with_hooks(body)


class Listener(BaseHTTPRequestHandler):
    """Takes what is sent to it."""

    taken: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_the_hook_for_zenml_signs_as_the_example_wants(monkeypatch: pytest.MonkeyPatch, with_hooks: Any) -> None:
    run = SimpleNamespace(id="b3f6a7de-2c1f-4f0e-9d0c-2f6d6f7a9e10", name="training-1")
    zenml = ModuleType("zenml")
    zenml.get_step_context = lambda: SimpleNamespace(pipeline_run=run)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "zenml", zenml)
    server = HTTPServer(("127.0.0.1", 0), Listener)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("ZENBEAT_HOOK_URL", f"http://127.0.0.1:{server.server_port}/hooks/trained")
    monkeypatch.setenv("ZENBEAT_HOOK_SECRET", WHSEC)
    spec = importlib.util.spec_from_file_location("tell_zenbeat", EXAMPLES / "tell_zenbeat.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.tell_zenbeat()
    server.shutdown()
    server.server_close()
    ((headers, content),) = Listener.taken
    assert verify(Scheme.STANDARD, [WHSEC], headers, content).identity == run.id

    async def body(d: Any) -> None:
        answer = await d.http.post("/hooks/trained", content=content, headers=headers)
        assert answer.status_code == 202

    with_hooks(body)
