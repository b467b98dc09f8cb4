"""Logging in: once for all, again in time, never with a hammer, and without leaving a trace of the secret."""

import asyncio
import base64
import json
import logging
import traceback
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs

import pytest

from worker.domain.errors import AccessDenied, NotSent, Refused, ZenMLError
from worker.zenml.options import ZenMLOptions

LOGIN = "POST /api/v1/login"
EXPIRED = {"detail": ["CredentialsNotValid", "error decoding access token: Invalid JWT token: Signature has expired."]}


def reads(scripted):
    return scripted.of("GET /api/v1/pipelines")


def bearer(seen):
    return seen.headers["authorization"].removeprefix("Bearer ")


def play(kit, scripted, scene, **options):
    async def main():
        async with kit.connected(scripted, **options) as zenml:
            return await scene(zenml)

    return asyncio.run(main())


def jwt(**claims):
    return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".sig"


def test_fifty_calls_at_once_are_one_login(kit):
    scripted = kit.Scripted()

    async def scene(zenml):
        await asyncio.gather(*(zenml.open() for _ in range(50)))

    play(kit, scripted, scene)
    assert scripted.logins == 1
    (login,) = scripted.of(LOGIN)
    assert parse_qs(login.body.decode()) == {"password": [kit.key]}
    assert login.headers["content-type"] == "application/x-www-form-urlencoded"
    assert {bearer(seen) for seen in reads(scripted)} == {f"{kit.token}-1"}
    assert len(scripted.of("GET /api/v1/info")) == 1


def test_a_token_is_used_until_shortly_before_its_end(kit):
    scripted, clock = kit.Scripted(expires_in=600), kit.Clock()

    async def scene(zenml):
        for passed in (0, 539, 2):
            clock.now += passed
            await zenml.find_pipeline("training")

    play(kit, scripted, scene, clock=clock)
    assert [bearer(seen)[-2:] for seen in reads(scripted)] == ["-1", "-1", "-2"]


SERVER_NOW = datetime(2031, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("claims", "renewed"),
    [
        ({"exp": 1_000_600, "iat": 1_000_000}, True),
        ({"exp": SERVER_NOW.timestamp() + 600}, True),  # counted from the server's own Date, whatever our clock says
        ({"exp": "soon", "iat": 1}, False),
        ({"sub": "x"}, False),
    ],
)
def test_the_life_of_a_jwt_is_read_from_itself(kit, claims, renewed):
    scripted, clock = kit.Scripted(), kit.Clock()
    date = format_datetime(SERVER_NOW, usegmt=True)
    scripted.on(LOGIN, kit.says(200, {"access_token": jwt(**claims), "expires_in": None}, Date=date))

    async def scene(zenml):
        await zenml.find_pipeline("training")
        clock.now += 541
        await zenml.find_pipeline("training")

    play(kit, scripted, scene, clock=clock)
    assert len(scripted.of(LOGIN)) == 1 + renewed


def test_a_token_refused_in_the_middle_is_renewed_once_for_all(kit):
    scripted = kit.Scripted()

    def guarded(seen):
        return kit.says(401, EXPIRED) if bearer(seen).endswith("-1") else {"items": [scripted.pipeline], "total": 1}

    async def scene(zenml):
        await zenml.find_pipeline("training")
        scripted.on("GET /api/v1/pipelines", guarded)
        await asyncio.gather(*(zenml.find_pipeline("training") for _ in range(50)))

    play(kit, scripted, scene)
    assert scripted.logins == 2


def test_a_token_that_is_refused_twice_is_a_denial_and_is_not_tried_at_once_again(kit):
    scripted, clock = kit.Scripted(), kit.Clock()
    scripted.on("GET /api/v1/pipelines", kit.says(401, EXPIRED))

    async def scene(zenml):
        for _ in range(10):
            with pytest.raises(AccessDenied, match="ZENML_STORE_API_KEY"):
                await zenml.find_pipeline("training")
        clock.now += 11
        with pytest.raises(AccessDenied):
            await zenml.find_pipeline("training")

    play(kit, scripted, scene, clock=clock)
    assert scripted.logins == 4


def test_a_wrong_key_does_not_hammer_the_login(kit):
    scripted, clock = kit.Scripted(), kit.Clock()
    scripted.on(LOGIN, kit.says(401, {"detail": ["CredentialsNotValid", "invalid API key"]}))

    async def scene(zenml):
        errors = await asyncio.gather(*(zenml.open() for _ in range(20)), return_exceptions=True)
        assert {type(error) for error in errors} == {AccessDenied}
        assert len(scripted.of(LOGIN)) == 1
        clock.now += 11
        scripted.on(LOGIN, {"access_token": "good"})
        await zenml.open()

    play(kit, scripted, scene, clock=clock)


LOGINS = [
    (400, {"detail": "username is required"}, AccessDenied, "login_refused"),
    (404, {"detail": "Not Found"}, AccessDenied, "login_refused"),
    (429, {"detail": "Minute request limit exceeded."}, NotSent, "login_rate"),
    (500, b"Internal Server Error", NotSent, "server_error"),
    (200, b"<html>", NotSent, "unreadable"),
    (200, {"access_token": ""}, NotSent, "unreadable"),
    (307, b"", Refused, "redirect"),
]


@pytest.mark.parametrize(("status", "says", "error", "code"), LOGINS)
def test_logins_that_fail(kit, status, says, error, code):
    scripted = kit.Scripted()
    scripted.on(LOGIN, kit.says(status, says, Location="http://elsewhere.example/login"))
    with pytest.raises(error) as caught:
        play(kit, scripted, lambda zenml: zenml.open())
    assert (type(caught.value), caught.value.code) == (error, code)


def test_a_limited_login_waits_as_long_as_it_is_told(kit):
    scripted, clock = kit.Scripted(), kit.Clock()
    scripted.on(
        LOGIN, kit.says(429, {"detail": "Minute request limit exceeded."}, Retry_After="30"), {"access_token": "t"}
    )

    async def scene(zenml):
        for passed in (0, 29):
            clock.now += passed
            with pytest.raises(NotSent) as caught:
                await zenml.open()
            assert caught.value.retry_after == 30.0
        clock.now += 2
        await zenml.open()

    play(kit, scripted, scene, clock=clock)
    assert len(scripted.of(LOGIN)) == 2


def test_a_given_token_is_sent_as_it_is(kit):
    scripted = kit.Scripted()

    async def scene(zenml):
        await zenml.open()
        scripted.on("GET /api/v1/pipelines", kit.says(401, EXPIRED))
        with pytest.raises(AccessDenied, match="ZENML_STORE_API_TOKEN is wrong or has expired"):
            await zenml.open()

    play(kit, scripted, scene, api_key=None, api_token=kit.token)
    assert scripted.logins == 0
    assert {bearer(seen) for seen in reads(scripted)} == {kit.token}


def test_without_any_login_the_denial_says_what_to_set(kit):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/pipelines", kit.says(401, {"detail": "Not authenticated"}))
    with pytest.raises(AccessDenied, match="Set ZENML_STORE_API_KEY"):
        play(kit, scripted, lambda zenml: zenml.open(), api_key=None)


def test_one_who_gives_up_while_logging_in_does_not_stop_the_others(kit):
    scripted = kit.Scripted()
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(_):
        asked.set()
        await go.wait()
        return {"access_token": "slow"}

    scripted.on(LOGIN, slow)

    async def scene(zenml):
        impatient = asyncio.create_task(zenml.open())
        await asked.wait()
        patient = asyncio.create_task(zenml.open())
        impatient.cancel()
        go.set()
        await patient

    play(kit, scripted, scene)


def everything_of(error):
    """All that could ever be printed of an error: itself, its causes, their frames."""
    parts, one = traceback.format_exception(error), error
    while one:
        parts += [str(one), repr(one), repr(vars(one) if hasattr(one, "__dict__") else "")]
        one = one.__cause__ or one.__context__
    return "".join(parts)


def echo(kit, status):
    """A server that repeats what it was told, as some gateways do in their error pages."""
    return lambda seen: kit.says(
        status, {"detail": f"you said {seen.headers.get('authorization')} {seen.body.decode()}"}
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500])
@pytest.mark.parametrize("where", [LOGIN, "GET /api/v1/pipelines"])
def test_no_secret_in_errors_or_logs(kit, caplog, status, where):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.INFO)
    scripted = kit.Scripted()
    scripted.on(where, echo(kit, status))
    with pytest.raises(ZenMLError) as caught:
        play(kit, scripted, lambda zenml: zenml.open())
    assert "canary" not in everything_of(caught.value)
    assert "canary" not in caplog.text


def test_no_secret_where_the_answer_is_not_http(kit):
    async def talk(_reader, writer):
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")

    async def main():
        async with kit.raw(talk) as url, kit.client(url, api_key=None, api_token=kit.token) as zenml:
            await zenml._questions.get("/api/v1/x", type("M", (), {}), what="x")

    with pytest.raises(NotSent) as caught:
        asyncio.run(main())
    assert "canary" not in everything_of(caught.value)


def test_options_do_not_show_their_secrets(kit):
    shown = repr(ZenMLOptions(url="http://x", api_key=kit.key, api_token=kit.token))
    assert "canary" not in shown
    assert "http://x" in shown
