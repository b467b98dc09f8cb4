"""What others could make of the dashboard: sessions, cookies, forms and headers, as browsers and proxies send them."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.api.door import Door
from tests.api.test_abuse import everything
from tests.web.layered import AWAY, TLS, layered
from tests.web.routes import DOWNLOADS, STREAMS, pages
from tests.web.visitor import Visitor, text_of
from worker.engine import keychanges

OPEN = "/login"
"""Shown to everybody."""

GUARDED = sorted({*pages("GET"), *pages("POST"), *STREAMS, *DOWNLOADS} - {OPEN})

ACTS = sorted(set(pages("POST")) - {OPEN})


def somewhere(path: str) -> str:
    """Fill in what an address leaves open."""
    return re.sub(r"\{[^}]*\}", "x", path)


@pytest.mark.parametrize("path", GUARDED)
def test_who_has_not_logged_in_sees_no_page_and_sends_no_form(path: str, door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        await opened.key("admin")
        methods = {"GET": {*pages("GET"), *STREAMS, *DOWNLOADS}, "POST": set(pages("POST"))}
        for method in (method for method, paths in methods.items() if path in paths):
            answer = await opened.http.request(method, somewhere(path), headers={"accept": "text/html"})
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
            assert not answer.content

    door(body)


@pytest.mark.parametrize("path", ACTS)
def test_no_form_does_anything_without_the_token_of_its_session(path: str, door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        ada, eve = Visitor(opened), Visitor(opened)
        await ada.log_in(await opened.key("admin", name="ada"))
        await eve.log_in(await opened.key("admin", name="eve"))
        token = re.search(r'name="csrf" value="([^"]+)"', await eve.see("/cron"))
        assert token
        for fields in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": token[1]}, {"csrf": opened.app.state.home_csrf}):
            answer = await ada.http.post(somewhere(path), data={"more": "1", **fields})
            assert answer.status_code == 403, fields
        assert (await ada.http.post(somewhere(path), json={"csrf": token[1]})).status_code == 415
        done = {entry.action for entry in await opened.engine.audit.newest(100)}
        assert done <= {"login", "key.create"}

    door(body)


@pytest.mark.parametrize("path", ACTS)
def test_at_home_no_form_does_anything_without_the_token_either(path: str, door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        assert (await opened.http.post(somewhere(path), data={"csrf": "x"})).status_code == 403

    door(body)


@pytest.mark.parametrize("path", pages("POST"))
def test_what_another_site_sends_is_refused_before_anything_is_read(path: str, door: Callable[..., None]) -> None:
    """The form to log in, too: nobody is logged in as somebody else without knowing."""

    async def body(opened: Door) -> None:
        key = await opened.key("admin")
        async with layered(opened, "http://zenbeat.example.com") as http:
            for told in (
                {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site"},
                {"Origin": "http://evil.example.com"},
                {"Origin": "http://zenbeat.example.com.evil.example"},
                {"Origin": "null"},
            ):
                answer = await http.post(somewhere(path), data={"key": key}, headers=told)
                assert (answer.status_code, answer.json()["type"]) == (403, "urn:zenbeat:cross-site"), told
                assert "set-cookie" not in answer.headers

    door(body)


@pytest.mark.parametrize("path", [*pages(), "/nowhere"])
def test_every_page_has_careful_headers(path: str, door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        key = await opened.key("admin")
        async with layered(opened, TLS) as http:
            await http.post("/login", data={"key": key})
            answer = await http.get(somewhere(path))
        headers = answer.headers
        assert answer.status_code < 500
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
        assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
        assert headers["cache-control"] == "no-store", "nothing is left in the browser after logging out"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert "server" not in headers
        assert not [name for name in headers if name.startswith("access-control-")]

    door(body)


def test_an_asset_is_kept_for_good_and_says_what_it_is(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        page = await Visitor(opened).see("/login")
        found = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page)
        assert len(set(found)) >= 4
        for path in found:
            answer = await opened.http.get(path)
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-type"].partition(";")[0] in {"text/css", "text/javascript", "image/svg+xml"}
            assert "set-cookie" not in answer.headers
        for path in ("/assets/x/style.css", "/assets/x/README.md", "/assets/x/..%2f..%2fapp.py", "/assets/x/licences"):
            assert (await opened.http.get(path)).status_code == 404

    door(body)


def test_no_page_asks_for_anything_of_another_host(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        for path in [path for path in pages() if "{" not in path]:
            page = (await visitor.http.get(path)).text
            assert not re.search(r'<(?:script|link|img|iframe|source)[^>]+(?:src|href)="(?!/assets/)', page), path
            assert not re.search(r"<script(?![^>]+src=)|<style|\sstyle=|\son[a-z]+=", page), path

    door(body)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8420",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "localhost:80@evil.example",
        "evil.example/@localhost",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
    ],
)
def test_at_home_a_page_by_another_name_is_not_believed(host: str, door: Callable[..., None]) -> None:
    """A name of somebody else's that suddenly means this machine: then the browser takes us for their site."""

    async def body(opened: Door) -> None:
        for path in ("/", "/cron", "/live"):
            answer = await opened.http.get(path, headers={"host": host, "accept": "text/html"})
            assert answer.status_code == 401, path
            assert opened.app.state.home_csrf not in answer.text
        csrf = {"csrf": opened.app.state.home_csrf}
        assert (await opened.http.post("/logout", data=csrf, headers={"host": host})).status_code == 401

    door(body)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host"])
def test_at_home_who_comes_through_a_proxy_is_not_at_home(header: str, door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        assert (await opened.http.get("/cron")).status_code == 200
        assert (await opened.http.get("/cron", headers={header: "127.0.0.1"})).status_code == 401

    door(body)


def test_a_key_that_only_starts_runs_sees_what_it_may_and_can_leave(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("trigger:train-*", name="ci"))
        for path in ("/", "/cron", "/live"):
            page = text_of(await visitor.see(path, status=403))
            assert "start runs of the pipelines that fit train-*" in page
            assert "wants at least read" in page
        token = re.search(r'name="csrf" value="([^"]+)"', await visitor.see("/", status=403))
        assert token
        assert (await visitor.http.post("/logout", data={"csrf": token[1]})).status_code == 303

    door(body)


def test_browsing_counts_as_calls_of_the_key_and_its_assets_do_not(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("read", rate=3))
        asset = re.findall(r'href="(/assets/[^"]+css)"', await visitor.see("/cron"))[0]
        for _ in range(20):
            assert (await visitor.http.get(asset)).status_code == 200
        answers = [await visitor.http.get("/cron") for _ in range(3)]
        assert answers[0].status_code == 200
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert "More than 3 calls a minute" in text_of(answers[-1].text)

    door(body)


def test_guesses_at_the_login_lock_the_address_out_and_learn_nothing(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        key = await opened.key("read", name="ada")
        gone = await opened.key("read", name="gone")
        await keychanges.revoke(opened.engine, "gone", by="test")
        identity = key.split("_")[1]
        told = set()
        for guess in ("nonsense", f"zb_{identity}_{'x' * 43}", f"zb_{'a' * 12}_{'x' * 43}", gone):
            answer = await Visitor(opened, opened.client(AWAY)).log_in(guess)
            assert answer.status_code == 401
            told.add(re.sub(r"<code>[0-9a-f]{16}</code>", "", answer.text))
            assert guess not in answer.text
        assert len(told) == 1, "all the same"
        for _ in range(opened.engine.throttles.lock_out.most):
            answer = await Visitor(opened, opened.client(AWAY)).log_in("nonsense")
        assert answer.status_code == 429
        right = await Visitor(opened, opened.client(AWAY)).log_in(key)
        assert (right.status_code, "set-cookie" in right.headers) == (429, False), "before anything is compared"
        assert (await Visitor(opened).log_in(key)).status_code == 303, "from elsewhere"

    door(body)


def test_a_session_ends_with_the_time_of_its_key(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("read", name="ada"))
        await visitor.see("/cron")
        await keychanges.rotate(opened.engine, "ada", overlap=timedelta(milliseconds=1), by="test")
        while (answer := await visitor.http.get("/cron")).status_code != 303:
            await asyncio.sleep(0.005)
        assert "zenbeat" not in visitor.http.cookies
        assert answer.headers["location"] == "/login?next=/cron"
        names = [name async for name in opened.engine.redis.scan_iter(match=opened.engine.keys.session("*"))]
        assert names == [], "on the server, too"

    door(body)


def test_a_key_is_in_no_page_cookie_header_or_log(door: Callable[..., None], log: Any) -> None:
    async def body(opened: Door) -> None:
        made = await opened.key("admin", name="ada")
        secret = made.split("_", 2)[2]
        visitor = Visitor(opened)
        answers = [await visitor.http.get(f"/cron?expression={made}"), await visitor.http.get(f"/login?next=/{made}")]
        answers.append(await visitor.log_in(made))
        everywhere = dict.fromkeys(("q", "name", "cursor", "expression"), made)
        for path in pages():
            answers.append(await visitor.http.get(re.sub(r"\{[^}]*\}", made, path)))
            answers.append(await visitor.http.get(somewhere(path), params=everywhere))
        answers.append(await visitor.http.get(f"/{made}"))
        answers.append(await visitor.http.post("/login", data={"key": made + "x", "next": f"/{made}"}))
        for answer in answers:
            assert secret not in answer.text, answer.request.url
            assert secret not in str(answer.headers), answer.request.url
        assert secret not in log.getvalue()
        assert secret not in await everything(opened)

    door(body)


def test_where_one_came_from_is_taken_along_when_a_part_of_a_page_finds_nobody(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        await opened.key("read")
        for shown, back in (
            ("http://127.0.0.1:8420/schedules?q=a#x", "/login?next=/schedules%3Fq%3Da"),
            ("http://127.0.0.1:8420", "/login"),
            ("http://[", "/login"),
            ("http://a//evil.example", "/login"),
        ):
            headers = {"HX-Request": "true", "HX-Current-URL": shown}
            answer = await opened.http.get("/cron", headers=headers)
            assert (answer.status_code, answer.headers["hx-redirect"]) == (204, back)

    door(body)


@pytest.mark.parametrize("path", sorted(set(pages("POST")) - set(pages("GET"))))
def test_the_address_of_an_act_is_no_page_and_says_so(path: str, door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        answer = await Visitor(opened).http.get(somewhere(path))
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert "open the page that has the form" in text_of(answer.text)

    door(body)


def test_a_fault_of_ours_is_a_page_that_tells_nothing_of_our_insides(door: Callable[..., None], log: Any) -> None:
    async def body(opened: Door) -> None:
        async def broken(*_: object) -> None:
            raise RuntimeError("insides")

        opened.engine.outcomes.before = broken  # type: ignore[assignment, method-assign]
        page = await Visitor(opened).see("/", status=500)
        assert "insides" not in page
        assert "zenbeat doctor" in page
        assert "insides" in log.getvalue()

    door(body)


def test_without_redis_there_is_still_a_page_that_says_so(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        opened.engine.redis.connection_pool.connection_kwargs["port"] = 1
        await opened.engine.redis.connection_pool.disconnect()
        answer = await visitor.http.get("/cron")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "cannot reach its Redis" in text_of(answer.text)

    door(body)


def test_documents_are_shown_to_who_has_logged_in(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        key = await opened.key("read", name="ada")
        assert (await visitor.http.get("/docs")).status_code == 401
        await visitor.log_in(key)
        assert (await visitor.http.get("/docs")).status_code == 200
        assert (await visitor.http.get("/openapi.json")).status_code == 200
        await keychanges.revoke(opened.engine, "ada", by="test")
        assert (await visitor.http.get("/docs")).status_code == 401

    door(body)
