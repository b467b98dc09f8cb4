"""Sessions and cookies, with TLS and without: what others could make of them."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.door import Door
from tests.web.layered import AWAY, TLS, layered
from tests.web.visitor import Visitor
from worker.web.telling import TOLD

PROXY = ("10.0.0.7", 40_000)


def test_logging_in_takes_over_no_session_that_was_there_before(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        key = await opened.key("read")
        visitor.http.cookies.set("zenbeat", "chosen-by-somebody-else", domain="127.0.0.1")
        first = (await visitor.log_in(key)).cookies["zenbeat"]
        second = (await visitor.log_in(key)).cookies["zenbeat"]
        assert len({"chosen-by-somebody-else", first, second}) == 3
        assert min(len(first), len(second)) >= 43, "256 bits"
        for token, status in ((first, 303), (second, 200)):
            other = opened.client()
            other.cookies.set("zenbeat", token, domain="127.0.0.1")
            assert (await other.get("/cron")).status_code == status

    door(body)


COOKIES = ["", "x", "a=b; zenbeat", "zenbeat=; zenbeat==;;", 'zenbeat="\\', "zenbeat=" + "x" * 30_000, "zenbeat=ä\xff"]


@pytest.mark.parametrize("cookie", COOKIES, ids=range(len(COOKIES)))
def test_a_cookie_that_is_none_of_ours_is_nobodys(cookie: str, door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        await opened.key("read")
        for name in ("zenbeat", "zenbeat-told"):
            sent = {"cookie": cookie.replace("zenbeat", name).encode("latin-1")}
            assert (await opened.http.get("/cron", headers=sent)).status_code == 303  # type: ignore[arg-type]
            answer = await opened.http.get("/login", headers=sent)  # type: ignore[arg-type]
            assert 'role="status"' not in answer.text

    door(body)


def flags(answer: httpx.Response) -> list[tuple[str, set[str]]]:
    """Give each cookie of an answer: its name, and what is said about it."""
    found = [cookie.split("; ") for cookie in answer.headers.get_list("set-cookie")]
    return [(first.partition("=")[0], set(more)) for first, *more in found]


@pytest.mark.parametrize(
    ("client", "proto", "secure"), [(PROXY, "https", True), (PROXY, "http", False), (AWAY, "https", False)]
)
def test_cookies_are_bound_to_tls_where_a_trusted_proxy_says_that_it_is_there(
    client: Any, proto: str, secure: bool, door: Callable[..., None]
) -> None:
    async def body(opened: Door) -> None:
        key = await opened.key("operate")
        http = layered(opened, "http://zenbeat.example.com", client, ZENBEAT_TRUSTED_PROXIES="10.0.0.0/8")
        async with http:
            answer = await http.post("/login", data={"key": key}, headers={"X-Forwarded-Proto": proto})
        ((name, said),) = flags(answer)
        assert name == ("__Host-zenbeat" if secure else "zenbeat")
        assert ("Secure" in said) is secure
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= said
        assert not [word for word in said if word.startswith("Domain")], "of this host alone"
        assert ("strict-transport-security" in answer.headers) is secure

    door(body)


def test_every_cookie_over_tls_is_of_this_host_alone(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        key = await opened.key("operate")
        async with layered(opened, TLS) as http:
            visitor = Visitor(opened, http)
            answers = [await visitor.log_in(key)]
            answers.append(await visitor.send("/cron", "/logout"))
            answers.append(await http.get("/cron"))
        for answer in answers:
            assert flags(answer)
            for name, said in flags(answer):
                assert name.startswith("__Host-")
                assert {"Secure", "HttpOnly", "Path=/"} <= said

    door(body)


def test_a_cookie_from_before_tls_opens_nothing_over_it(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        token = (await Visitor(opened).log_in(await opened.key("read"))).cookies["zenbeat"]
        async with layered(opened, TLS) as http:
            assert (await http.get("/cron", headers={"cookie": f"zenbeat={token}"})).status_code == 303
            assert (await http.get("/cron", headers={"cookie": f"__Host-zenbeat={token}"})).status_code == 200

    door(body)


def test_nobody_else_puts_words_into_our_mouth(door: Callable[..., None]) -> None:
    """Whatever runs on another port of this host, or on a neighbouring name, may set cookies for us."""

    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("read"))
        for value in ("Send%20your%20key%20to%20evil.example", "a.Send%20your%20key", f"{'0' * 64}.Send%20your%20key"):
            visitor.http.cookies.set(TOLD, value, domain="127.0.0.1")
            assert "Send your key" not in await visitor.see("/cron")

    door(body)
