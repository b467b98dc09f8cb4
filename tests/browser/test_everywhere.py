"""Every page, as different people have it: light and dark, wide and narrow, by keyboard, without scripts."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Viewer
from tests.browser.everywhere import told
from tests.browser.story import Story
from tests.server.living import Living
from tests.web.routes import pages

WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 844}

FILE = re.compile(r"\.(json|yaml)$|/export/")

PAGES = [path for path in pages() if not FILE.search(path)]

ACT = re.compile(r"\}/.")

STOPS = 40
"""How far a test walks with the tab key; long tables have more links."""

FOCUSED = """() => {
  const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
  return {
    at: at.outerHTML.slice(0, 120), body: at === document.body,
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1.5,
    there: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0,
  };
}"""

UNREACHED = """() => [...document.querySelectorAll(
  "[hx-get]:not([hx-trigger]), [hx-post]:not([hx-trigger]), [tabindex], [role=button], summary")]
  .filter((each) => !each.closest("dialog"))
  .filter((each) => each.tabIndex < 0 && !each.matches("main, h1") || each.tabIndex > 0)
  .filter((each) => !each.matches("form"))
  .filter((each) => ![...document.links].some((other) => other.href === each.href && other.tabIndex >= 0))
  .map((each) => each.outerHTML.slice(0, 120))"""
"""What does something when it is clicked, and is out of the tab key's way, with no other link to the same."""

WIDER = """() => {
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most) return [];
  return [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > most + 1 && !each.closest(".scroll, pre, nav"))
    .map((each) => each.outerHTML.slice(0, 120)).slice(0, 5).concat(["the page scrolls sideways"]);
}"""


@pytest.fixture(scope="module")
def whole(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Living, Story]]:
    with told(redis_server, tmp_path_factory.mktemp("schedules")) as there:
        yield there


def opened(viewer: Viewer, living: Living, address: str) -> Page:
    viewer.expected = ("the server responded with a status of 4",)  # such as a form for what is over already
    viewer.page.goto(f"{living.url}{address}", wait_until="load")
    return viewer.page


def first(story: Story, route: str) -> str:
    return story.fill(route, 1)[0]


def names(main: Locator) -> list[str]:
    """Give the headings, without what is beside them: whether a page hears news, how many there are."""
    return [re.split(r"[●○\d\n]", text)[0].strip() for text in main.locator("h1, h2").all_inner_texts()]


@pytest.mark.parametrize("route", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_page_is_quiet_and_can_be_used_by_everybody(
    route: str, scheme: str, size: object, whole: tuple[Living, Story], view: Callable[..., Viewer]
) -> None:
    living, story = whole
    viewer = view(color_scheme=scheme, viewport=size, reduced_motion="reduce")
    # Each state looks its own way, and is looked at once; forms look alike.
    everything = size == WIDE and scheme == "light" and not ACT.search(route)
    for address in story.fill(route, 1_000 if everything else 1):
        page = opened(viewer, living, address)
        assert page.title().endswith("· zenbeat")
        assert not page.title().startswith("zenbeat"), "which page it is comes first"
        expect(page.locator("h1:visible")).to_have_count(1)
        expect(page.locator("main")).to_be_visible()
        assert page.evaluate(WIDER) == [], address
        viewer.check()


@pytest.mark.parametrize("route", PAGES)
def test_a_page_is_walked_through_with_the_tab_key(
    route: str, whole: tuple[Living, Story], view: Callable[..., Viewer]
) -> None:
    living, story = whole
    page = opened(view(viewport=WIDE), living, first(story, route))
    assert page.evaluate(UNREACHED) == []
    links = page.locator("main a[href], main button, main input:not([type=hidden])").count()
    for stop in range(STOPS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["body"]:
            assert stop >= min(links, STOPS), "everything that can be clicked was come by"
            break
        assert focused["seen"], focused["at"]
        assert focused["there"], focused["at"]


@pytest.mark.parametrize("route", PAGES)
def test_a_page_can_be_read_without_scripts(
    route: str, whole: tuple[Living, Story], view: Callable[..., Viewer]
) -> None:
    living, story = whole
    with_scripts = opened(view(), living, first(story, route)).locator("main")
    headings = names(with_scripts)
    forms = with_scripts.locator("form").count()
    viewer = view(java_script_enabled=False)
    main = opened(viewer, living, first(story, route)).locator("main")
    assert [text for text in headings if text not in names(main)] == []
    assert main.locator("form").count() == forms
    for form in main.locator("form:not([method=dialog])").all():
        method = form.get_attribute("method") or "get"
        assert method in {"get", "post"}
        assert method == "get" or form.get_attribute("action")
    assert not viewer.wrong


@pytest.mark.parametrize(
    ("locale", "zone", "half_days"), [("en-US", "America/New_York", True), ("de-DE", "Europe/Berlin", False)]
)
def test_times_are_told_in_the_manner_and_the_zone_of_who_looks(
    locale: str, zone: str, half_days: bool, whole: tuple[Living, Story], view: Callable[..., Viewer]
) -> None:
    living, _ = whole
    page = opened(view(locale=locale, timezone_id=zone), living, "/")
    times = [text for text in page.locator("time").all_inner_texts() if ":" in text]
    assert times
    assert [("AM" in text or "PM" in text) for text in times] == [half_days] * len(times)
    assert zone in page.locator("footer").inner_text()
    stamp = page.locator("time:not([data-near])").first
    expected = stamp.evaluate(
        "(each, [locale, zone]) => new Date(each.dateTime).toLocaleTimeString(locale, {timeZone: zone})", [locale, zone]
    )
    assert expected in stamp.inner_text()
