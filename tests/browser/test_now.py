"""The page Now in a browser: what comes in is seen without a reload, and nothing is lost by it."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Viewer
from tests.server.living import Living
from worker.store.codec import milliseconds
from worker.store.items import Item

FILE = """\
schedules:
  - {name: nightly, pipeline: training, cron: "0 2 * * *"}
  - {name: minutely, pipeline: etl, every: 1m}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(FILE)
    return tmp_path


def write(living: Living, *commands: Any) -> None:
    living.ask(living.engine.triggers.record([Item(commands=commands)]))


def dead_letter(living: Living, identity: str) -> None:
    """Let a trigger die, and tell of it."""
    write(living, ("ZADD", living.engine.keys.dead, 1, identity))
    living.tell(status="dead", schedule="nightly", trigger=identity, reason=f"{identity} was refused")


def meanwhile(living: Living, reason: str) -> Callable[[Route], None]:
    """Tell of something after the page was made, and before it can hear."""

    def go(route: Route) -> None:
        living.tell(status="failed", reason=reason)
        route.continue_()

    return go


def fires(living: Living, *hours: int) -> None:
    for hour in hours:
        at = living.engine.clock() - timedelta(hours=hour)
        entry = {"fire_time": at.isoformat(), "decision": "fired", "runs": [{"trigger": "t", "fate": "completed"}]}
        write(living, ("ZADD", living.engine.keys.ledger("nightly"), milliseconds(at), orjson.dumps(entry).decode()))


def test_what_comes_in_is_seen_without_a_reload_and_takes_no_focus_away(
    site: Callable[..., Living], view: Callable[..., Viewer], files: Path
) -> None:
    living = site()
    page = view().page
    page.goto(living.url)
    expect(page.get_by_text("● connected")).to_be_visible()
    expect(page.get_by_text("Nothing has happened yet.")).to_be_visible()
    row = page.get_by_role("rowheader").get_by_role("link", name="nightly", exact=True)
    row.focus()
    fires(living, 1, 2)
    dead_letter(living, "t-1")
    expect(page.locator("#feed tr").first).to_contain_text("t-1 was refused")
    expect(page.get_by_text("Nothing has happened yet.")).to_have_count(0)
    expect(page.locator(".verdict")).to_contain_text("1 dead letter waits for somebody")
    label = page.locator("svg[aria-label^='nightly']")
    expect(label).to_have_attribute("aria-label", re.compile("2 completed"))
    expect(row).to_be_focused()


def test_what_comes_before_the_page_hears_is_not_missed(
    site: Callable[..., Living], view: Callable[..., Viewer], files: Path
) -> None:
    living = site()
    page = view().page
    for reason in ("first of all", "second"):
        page.route("**/live?*", meanwhile(living, reason))
        page.goto(living.url)
        expect(page.locator("#feed tr").first).to_contain_text(reason)
    expect(page.locator("#feed tr")).to_have_count(2)


def test_the_hours_are_those_of_who_looks(
    site: Callable[..., Living], view: Callable[..., Viewer], files: Path
) -> None:
    living = site()
    fires(living, 1, 2)
    told = {}
    for locale, zone in (("en-US", "America/New_York"), ("de-DE", "Asia/Kolkata")):
        page = view(locale=locale, timezone_id=zone).page
        page.goto(living.url)
        expect(page.locator("[data-hour]").first).to_have_text(
            re.compile(r"^\d+ [AP]M$" if locale == "en-US" else r"^\d\d:30$")
        )
        told[locale] = page.locator("use title").first.text_content() or ""
        assert "UTC" not in page.content().partition("<tbody")[2].partition("</tbody>")[0].replace('UTC"', "")
    assert re.fullmatch(r"\d+:\d\d\s[AP]M completed", told["en-US"])
    assert re.fullmatch(r"\d\d:\d\d completed", told["de-DE"])


def test_on_a_narrow_screen_the_timeline_opens_where_now_is_and_stays_there(
    site: Callable[..., Living], view: Callable[..., Viewer], files: Path
) -> None:
    living = site()
    page = view(viewport={"width": 420, "height": 800}).page
    page.goto(living.url)
    frame = page.locator("#hours-scroll")
    assert frame.evaluate("it => it.scrollLeft > 0 && it.scrollWidth > it.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    frame.evaluate("it => (it.scrollLeft = 40)")
    dead_letter(living, "t-1")
    expect(page.locator(".verdict")).to_contain_text("1 dead letter")
    expect(page.locator("svg[aria-label^='nightly']")).to_have_count(1)
    assert frame.evaluate("it => it.scrollLeft") == 40


def test_keys_walk_the_schedules_and_open_one(
    site: Callable[..., Living], view: Callable[..., Viewer], files: Path
) -> None:
    living = site()
    page = view().page
    page.goto(living.url)
    page.keyboard.press("j")
    expect(page.locator("#line-minutely")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("#line-nightly")).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{living.url}/schedules/minutely")
    page.keyboard.press("g")
    page.keyboard.press("n")
    page.wait_for_url(f"{living.url}/")


def test_it_says_when_it_hears_nothing_and_keeps_what_it_had(
    site: Callable[..., Living], view: Callable[..., Viewer], files: Path
) -> None:
    living = site()
    watcher = view()
    watcher.expected = ("Failed to load resource", "Response Status Error Code 503")
    page = watcher.page
    page.goto(living.url)
    expect(page.get_by_text("● connected")).to_be_visible()
    page.route("**/?part=*", lambda route: route.fulfill(status=503, body="<main>away</main>"))
    dead_letter(living, "t-1")
    expect(page.locator("#feed tr").first).to_contain_text("t-1 was refused")
    with page.expect_response(lambda answer: answer.status == 503, timeout=15_000):
        living.tell(status="completed", schedule="nightly", reason="")
    expect(page.locator("#figures")).to_contain_text("Dead letters")
    page.unroute("**/?part=*")
    living.tell(status="completed", schedule="nightly", reason="")
    expect(page.locator(".verdict")).to_contain_text("1 dead letter")
