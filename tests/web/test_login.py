"""Who is let in, with what, and for how long."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from tests.api.door import Door
from tests.web.visitor import Visitor, text_of
from worker.engine import keychanges
from worker.store.sessions import IDLE, LONGEST
from worker.web.forms import own_path


def test_before_the_first_key_this_machine_needs_none(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        assert "this machine" in text_of(await Visitor(opened).see("/cron"))
        stranger = Visitor(opened, opened.client(("203.0.113.9", 40_000)))
        assert "needs an API key" in text_of(await stranger.see("/cron", status=401))

    door(body)


def test_with_a_key_somebody_logs_in_and_comes_back_to_where_they_were(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        key = await opened.key("operate", name="ada")
        visitor = Visitor(opened)
        sent = await visitor.http.get("/cron?expression=@daily")
        assert sent.headers["location"] == "/login?next=/cron%3Fexpression%3D%40daily"
        assert 'type="password"' in await visitor.see(sent.headers["location"])
        answer = await visitor.http.post("/login", data={"key": key, "next": "/cron?expression=@daily"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/cron?expression=@daily")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("zenbeat=")
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        assert key not in cookie
        assert "ada" in text_of(await visitor.see("/cron"))

    door(body)


def test_over_tls_the_cookie_is_bound_to_the_host(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        key = await opened.key("read")
        transport = httpx.ASGITransport(opened.app, client=("203.0.113.9", 40_000))
        async with httpx.AsyncClient(transport=transport, base_url="https://zenbeat.example.com") as http:
            answer = await Visitor(opened, http).log_in(key)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-zenbeat=")
        assert "Secure" in cookie

    door(body)


def test_a_wrong_key_opens_nothing_and_is_counted(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        await opened.key("read")
        visitor = Visitor(opened)
        answer = await visitor.log_in("zb_nonsense")
        assert answer.status_code == 401
        assert "not known" in text_of(answer.text)
        assert "set-cookie" not in answer.headers
        for _ in range(opened.engine.throttles.lock_out.most):
            answer = await visitor.log_in("zb_nonsense")
        assert answer.status_code == 429

    door(body)


def test_a_session_ends_by_logging_out_and_when_its_key_is_revoked(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        key = await opened.key("operate", name="ada")
        visitor = Visitor(opened)
        await visitor.log_in(key)
        stolen = dict(visitor.http.cookies)
        answer = await visitor.send("/cron", "/logout")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        thief = Visitor(opened)
        thief.http.cookies.update(stolen)
        assert (await thief.http.get("/cron")).status_code == 303
        await visitor.log_in(key)
        await visitor.see("/cron")
        await keychanges.revoke(opened.engine, "ada", by="test")
        assert (await visitor.http.get("/cron")).status_code == 303
        told = {entry.action for entry in await opened.engine.audit.newest(20)}
        assert {"login", "logout"} <= told

    door(body)


def test_a_session_lasts_an_hour_without_a_look_and_twelve_at_the_most(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        sessions, now = opened.engine.sessions, opened.engine.clock()
        session = await sessions.begin("k1", now)
        key = opened.engine.keys.session("*")
        (name,) = [name async for name in opened.engine.redis.scan_iter(match=key)]
        assert session.token.encode() not in name
        assert IDLE - timedelta(seconds=5) < timedelta(seconds=await opened.engine.redis.ttl(name)) <= IDLE
        found = await sessions.find(session.token, now + LONGEST - timedelta(minutes=5))
        assert found is not None
        assert (found.key_id, found.csrf) == ("k1", session.csrf)
        assert timedelta(seconds=await opened.engine.redis.ttl(name)) <= timedelta(minutes=5)
        assert await sessions.find(session.token, now + LONGEST + timedelta(seconds=1)) is None
        assert await sessions.find(session.token, now) is None

    door(body)


def test_a_form_without_the_pages_token_does_nothing(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("operate"))
        for fields in ({"more": "1"}, {"csrf": "guessed"}):
            answer = await visitor.http.post("/logout", data=fields)
            assert answer.status_code == 403
            assert "too old" in text_of(answer.text)
        await visitor.see("/cron")

    door(body)


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", "/\n/evil"]
)
def test_nobody_is_led_to_another_site(target: str) -> None:
    assert own_path(target) == "/"


def test_a_path_that_leads_nowhere_is_a_page_for_people_and_a_problem_for_programs(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        assert "Not Found" in await Visitor(opened).see("/nowhere", status=404)
        for path, accept in (("/nowhere", "*/*"), ("/api/v1/nowhere", "text/html")):
            answer = await opened.http.get(path, headers={"accept": accept})
            assert answer.headers["content-type"] == "application/problem+json"

    door(body)
