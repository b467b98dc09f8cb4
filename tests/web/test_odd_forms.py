"""Every form of every page takes whatever is typed, or sent by hand, and answers with a sentence: no fault of ours."""

from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest

from tests.browser.everywhere import told
from tests.browser.story import Story
from tests.server.living import Living
from tests.web.routes import pages, queries

ODD = (
    "",
    "9" * 5_000,
    "-1",
    "1e999",
    "NaN",
    "\x00",
    "\u0663",
    "\u2028<b>",
    "%",
    "x" * 100_000,
    "2026-99-99T25:00",
    "[[[[{",
)


@pytest.fixture(scope="module")
def whole(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Living, Story]]:
    with told(redis_server, tmp_path_factory.mktemp("schedules")) as there:
        yield there


class Forms(HTMLParser):
    """The forms of a page that do something: where each is sent, and what is in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((given.get("action", "") if given.get("method") == "post" else "", {}))
        elif tag in {"input", "select", "textarea", "button"} and given.get("name") and self.found:
            self.found[-1][1].setdefault(given["name"], given.get("value", ""))


def forms(http: httpx.Client, address: str) -> list[tuple[str, dict[str, str]]]:
    answer = http.get(address)
    found = Forms(answer.text).found if answer.headers["content-type"].startswith("text/html") else []
    return [(action, fields) for action, fields in found if action and action != "/logout"]


@pytest.mark.parametrize("route", pages())
def test_odd_values_are_no_fault_of_ours(route: str, whole: tuple[Living, Story]) -> None:
    living, story = whole
    with httpx.Client(base_url=living.url, headers={"accept": "text/html"}, timeout=30) as http:
        for address in story.fill(route, 2):
            for action, fields in forms(http, address):
                for name in fields.keys() - {"csrf"}:
                    for odd in ODD:
                        answer = http.post(action, data={**fields, name: odd})
                        assert answer.status_code < 500, (action, name, odd[:20])
                        assert "Traceback" not in answer.text


@pytest.mark.parametrize("route", pages())
def test_odd_addresses_are_no_fault_of_ours(route: str, whole: tuple[Living, Story]) -> None:
    living, story = whole
    with httpx.Client(base_url=living.url, headers={"accept": "text/html"}, timeout=30) as http:
        for odd in ("%00", "%ff", "%e2%80%a8", "x" * 5_000, "..%2f..", "-1", "9" * 400):
            assert http.get(f"{route.partition('{')[0]}{odd}").status_code < 500, odd
        address = story.fill(route, 1)[0]
        for name in queries(route):
            for odd in ODD:
                if len(odd) < 10_000:
                    assert http.get(address, params={name: odd}).status_code < 500, (name, odd[:20])
