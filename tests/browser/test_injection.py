"""What people, ZenML and callers write is text on every page: nothing of it runs, and nothing of it is markup."""

import json
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest

from tests.browser.conftest import Viewer
from tests.browser.everywhere import told
from tests.browser.story import Story
from tests.server.living import Living
from tests.web.routes import pages, queries

PAYLOAD = (
    "</script></textarea></title><script>window.pwned=1</script><img src=x onerror=window.pwned=1>\"'>"
    "<svg onload=window.pwned=1><b class=pwned hx-get=/pwned hx-trigger=load>b</b>"
    "<a href=javascript:window.pwned=1>x</a>"
)

MARK = "<b class=pwned"
"""As it is to be seen: as text."""

LOOK = """() => ({
  ran: window.pwned === 1,
  made: [...document.querySelectorAll(
    ".pwned, script:not([src]), [onerror], [onload], [hx-get='/pwned'], a[href^='javascript:' i], img[src='x'], style"
  )].map((found) => found.outerHTML.slice(0, 200)),
  text: document.body.innerText + [...document.querySelectorAll("input, textarea")].map((each) => each.value).join(" "),
})"""


@pytest.fixture(scope="module")
def hostile(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Living, Story]]:
    with told(redis_server, tmp_path_factory.mktemp("schedules"), lambda text: f"{text} {PAYLOAD}") as there:
        yield there


class Looking:
    """Opens page after page, and sees that nothing was taken for markup."""

    def __init__(self, viewer: Viewer, living: Living) -> None:
        self.viewer, self.living = viewer, living
        self.shown: set[str] = set()
        viewer.expected = ("the server responded with a status of 4",)
        viewer.page.goto(f"{living.url}/login")
        viewer.page.on("dialog", lambda dialog: viewer.wrong.append(f"dialog: {dialog.message}"))

    def open(self, address: str) -> None:
        there = self.living.get(address, "Accept: text/html")
        assert there.status < 500, address
        if there.headers.get("content-disposition"):
            return  # a file that is saved, and not looked at
        kind = there.headers.get("content-type", "")
        if kind != "text/html; charset=utf-8":
            assert kind in {"application/json", "application/problem+json"}, "nothing that a browser shows as a page"
            return
        self.viewer.page.goto(f"{self.living.url}{address}", wait_until="load")
        self.see(address)

    def see(self, address: str) -> None:
        found = self.viewer.page.evaluate(LOOK)
        assert not found["ran"], address
        assert not found["made"], (address, found["made"])
        assert not self.viewer.wrong, (address, self.viewer.wrong)
        if MARK in found["text"]:
            self.shown.add(address)


@pytest.fixture
def looking(view: Callable[..., Viewer], hostile: tuple[Living, Story]) -> Looking:
    return Looking(view(), hostile[0])


@pytest.mark.parametrize("route", pages())
def test_whatever_is_written_somewhere_stays_text(route: str, looking: Looking, hostile: tuple[Living, Story]) -> None:
    for address in hostile[1].fill(route):
        looking.open(address)


@pytest.mark.parametrize("route", [path for path in pages() if queries(path)])
def test_whatever_stands_in_an_address_stays_text(route: str, looking: Looking, hostile: tuple[Living, Story]) -> None:
    address = hostile[1].fill(route, 1)[0]
    names = queries(route)
    for query in [*({name: PAYLOAD} for name in names), dict.fromkeys(names, PAYLOAD)]:
        looking.open(f"{address}?{urlencode(query)}")


@pytest.mark.parametrize("route", [path for path in pages() if path.endswith("}")])
def test_a_name_that_there_is_not_stays_text(route: str, looking: Looking) -> None:
    looking.open(route.replace("{", f"{urlencode({'': PAYLOAD})[1:]}{{").partition("{")[0])


def test_outcomes_that_come_while_one_looks_stay_text(looking: Looking, hostile: tuple[Living, Story]) -> None:
    living, _ = hostile
    page = looking.viewer.page
    page.goto(living.url)
    page.wait_for_selector("html.hears")
    fields = ("schedule", "pipeline", "trigger", "reason", "run_name", "url", "sweep", "trial", "message")
    for number, name in enumerate(fields):
        words = {"status": "dead", "reason": f"told {number}", name: f"told {number} {PAYLOAD}"}
        if name == "url":
            words = {"status": "started", "reason": f"told {number}", "trigger": "t", name: "javascript:window.pwned=1"}
        living.tell(**words)
        page.get_by_text(f"told {number}").first.wait_for()
        looking.see(name)
    assert page.get_by_text(MARK).count()


def test_the_story_really_says_it(looking: Looking, hostile: tuple[Living, Story]) -> None:
    """That the tests above have something to find: most of what is looked at shows the payload, as text."""
    living, story = hostile
    said = json.dumps(living.get("/api/v1/outcomes?limit=100").json()) + json.dumps(
        living.get("/api/v1/triggers?limit=100").json()
    )
    assert said.count("<b class=pwned") > 5
    for address in story.fill("/schedules/{name}"):
        looking.open(address)
    assert len(looking.shown) >= 3
