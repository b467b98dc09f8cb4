"""Starting a run: what goes over the wire, and what each answer stands for."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from worker.demo.zenml import DEMO_API_KEY, DemoServer
from worker.domain.errors import AccessDenied, AtCapacity, BodyRefused, NameTaken, NotFound, Refused, Unclear

BODY = {"run_name": "training-1", "tags": ["zenbeat"], "steps": {"model_trainer": {"parameters": {"lr": 0.5}}}}
UUID_KEY = "66666666-6666-4666-8666-666666666666"


def start(kit, scripted, **options):
    async def main():
        async with kit.connected(scripted, **options) as zenml:
            found = await zenml.find_target("training", "production")
            return await zenml.start(await zenml.prepare(found, BODY), UUID_KEY)

    return asyncio.run(main())


def post(kit, scripted, route="run_templates"):
    identity = kit.template if route == "run_templates" else kit.snapshot
    (seen,) = scripted.of(f"POST /api/v1/{route}/{identity}/runs")
    return seen


def test_a_template_is_started_with_the_bare_configuration_and_the_key(kit):
    scripted = kit.Scripted()
    run = start(kit, scripted)
    assert (run.id, run.name, run.status, run.project) == (kit.run, "training-1", "initializing", kit.project)
    assert run.url == f"{scripted.url}/projects/{kit.project}/runs/{kit.run}"
    seen = post(kit, scripted)
    assert json.loads(seen.body) == BODY
    assert seen.headers["idempotency-key"] == UUID_KEY
    assert seen.headers["authorization"] == f"Bearer {kit.token}-1"
    assert "cookie" not in seen.headers


def test_a_snapshot_wants_the_configuration_wrapped(kit):
    scripted = kit.Scripted()

    async def main():
        async with kit.connected(scripted) as zenml:
            found = await zenml.find_target("training", snapshot="champion")
            return await zenml.start(await zenml.prepare(found, BODY))

    asyncio.run(main())
    seen = post(kit, scripted, "pipeline_snapshots")
    assert json.loads(seen.body) == {"run_configuration": BODY, "step_run": None}
    assert "idempotency-key" not in seen.headers


@pytest.mark.parametrize("version", ["0.63.0", "0.75.1", "0.85.0", "0.98.0"])
def test_parameters_of_a_static_pipeline_are_refused_before_the_first_launch(kit, version):
    # The oldest would start the run without them.
    async def main():
        with DemoServer(version=version) as server:
            async with kit.client(server.url, api_key=DEMO_API_KEY) as zenml:
                targets = [await zenml.find_target("training", "production")]
                if version >= "0.90":
                    targets.append(await zenml.find_target("training", snapshot="production"))
                for target in targets:
                    with pytest.raises(BodyRefused, match="parameters: cannot be given to a static pipeline"):
                        await zenml.prepare(target, {"parameters": {"lr": 0.1}})
            return server.state.posts

    assert asyncio.run(main()) == 0


def test_servers_before_the_key_do_not_get_it_but_the_whole_configuration(kit):
    scripted = kit.Scripted(version="0.75.1")
    run = start(kit, scripted)
    seen = post(kit, scripted)
    assert "idempotency-key" not in seen.headers
    sent = json.loads(seen.body)
    assert sent["steps"]["model_trainer"]["parameters"] == {"lr": 0.5, "epochs": 3}
    assert sent["steps"]["model_trainer"]["settings"] == {"resources": {"cpu_count": 2}}
    assert run.url == f"{scripted.url}/runs/{kit.run}"
    assert scripted.of("GET /api/v1/workspaces/default/pipelines")


ANSWERS = [
    (
        400,
        {"detail": ["ValueError", "Run configuration contains the following unknown parameters"]},
        BodyRefused,
        "body",
    ),
    (400, {"detail": ["ValueError", "Can't set build when running pipeline via Rest API."]}, BodyRefused, "body"),
    (
        400,
        {"detail": ["ValueError", "This template can not be run because it has no source snapshot."]},
        Refused,
        "refused",
    ),
    (402, {"detail": ["SubscriptionUpgradeRequiredError", "template_run"]}, AccessDenied, "subscription"),
    (403, {"detail": ["IllegalOperationError", "Insufficient permissions"]}, AccessDenied, "forbidden"),
    (404, {"detail": ["KeyError", "\"Unable to get run template with ID 'x'\""]}, NotFound, "not_found"),
    (404, {"detail": ["KeyError", '"Could not format the name template `{x}`"']}, BodyRefused, "run_name"),
    (404, {"detail": ["KeyError", '"No secret with name x"']}, BodyRefused, "secret"),
    (405, {"detail": "Method Not Allowed"}, Refused, "triggering_disabled"),
    (408, b"timeout", Unclear, "timeout"),
    (
        409,
        {"detail": ["EntityExistsError", "Pipeline run name 'x' already exists in this project."]},
        NameTaken,
        "name_taken",
    ),
    (413, b"<html>", BodyRefused, "too_large"),
    (418, b"", Refused, "refused"),
    (422, ["ValueError", "1 validation error:\n  {'type': 'uuid_parsing'}"], BodyRefused, "body"),
    (422, {"detail": [{"loc": ["body"], "msg": "Field required"}]}, BodyRefused, "body"),
    (429, {"detail": ["MaxConcurrentTasksError", "Maximum number of concurrent"]}, AtCapacity, "at_capacity"),
    (429, {"error": "Server too busy. Please try again later."}, Unclear, "too_busy"),
    (429, b"slow down", Unclear, "too_busy"),
    (500, {"detail": ["RuntimeError", "Replacement index 0 out of range"]}, BodyRefused, "run_name"),
    (500, b"Internal Server Error", Unclear, "server_error"),
    (501, {"detail": ["NotImplementedError", "x"]}, Unclear, "server_error"),
    (503, b"<html>maintenance</html>", Unclear, "unavailable"),
    (200, b"<html>hello</html>", Unclear, "unreadable"),
    (200, b'{"id": "44444444-4444', Unclear, "unreadable"),
    (200, {"id": "no uuid", "name": "x", "body": {"status": "running"}}, Unclear, "unreadable"),
    (200, {"items": []}, Unclear, "unreadable"),
    (204, b"", Unclear, "unreadable"),
]


@pytest.mark.parametrize(("status", "says", "error", "code"), ANSWERS)
def test_every_answer_has_its_error(kit, status, says, error, code):
    scripted = kit.Scripted()
    scripted.on(f"POST /api/v1/run_templates/{kit.template}/runs", kit.says(status, says))
    with pytest.raises(error) as caught:
        start(kit, scripted)
    assert type(caught.value) is error
    assert caught.value.code == code
    assert "{" not in str(caught.value).replace("{x}", "").replace("{'type'", "")
    assert len(scripted.of(f"POST /api/v1/run_templates/{kit.template}/runs")) == 1


def test_triggering_disabled_says_the_way_out(kit):
    scripted = kit.Scripted()
    scripted.on(f"POST /api/v1/run_templates/{kit.template}/runs", kit.says(405, {"detail": "Method Not Allowed"}))
    with pytest.raises(Refused, match="workload manager"):
        start(kit, scripted)


NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def date(offset: float) -> str:
    return format_datetime(NOW + timedelta(seconds=offset), usegmt=True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("99999999999999999999", 366 * 86_400.0),
        (date(10), 10.0),
        (date(-3600), 0.0),
        (date(10 * 365 * 86_400), 366 * 86_400.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        (None, None),
    ],
)
def test_retry_after(kit, header, seconds):
    scripted = kit.Scripted()
    headers = {"Retry_After": header} if header else {}
    full = kit.says(429, {"detail": ["MaxConcurrentTasksError", "full"]}, Date=date(0), **headers)
    scripted.on(f"POST /api/v1/run_templates/{kit.template}/runs", full)
    with pytest.raises(AtCapacity) as caught:
        start(kit, scripted)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(kit, status):
    sink = kit.Scripted()
    scripted = kit.Scripted()

    async def main():
        async with kit.running(sink):
            elsewhere = kit.says(status, None, Location=f"{sink.url}/api/v1/steal")
            scripted.on(f"POST /api/v1/run_templates/{kit.template}/runs", elsewhere)
            async with kit.connected(scripted) as zenml:
                found = await zenml.find_target("training", "production")
                with pytest.raises(Refused, match=r"redirect to 127\.0\.0\.1") as caught:
                    await zenml.start(await zenml.prepare(found, BODY))
                assert caught.value.code == "redirect"

    asyncio.run(main())
    assert sink.seen == []


def test_a_server_that_lost_its_route_is_asked_anew_what_it_is(kit):
    scripted = kit.Scripted()
    gone = kit.says(404, {"detail": ["KeyError", "gone"]})
    scripted.on(f"POST /api/v1/run_templates/{kit.template}/runs", gone)

    async def main():
        async with kit.connected(scripted) as zenml:
            found = await zenml.find_target("training", "production")
            with pytest.raises(NotFound):
                await zenml.start(await zenml.prepare(found, BODY))
            scripted.version = "0.85.0"
            assert (await zenml.info()).version == (0, 85, 0)

    asyncio.run(main())
