"""The schedules in a browser: found as one types, ticked while news come in, paused by keyboard."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.browser.conftest import Viewer
from tests.server.living import Living
from worker.domain.pause import Pause
from worker.domain.results import Result
from worker.store.items import Item

FILE = """\
schedules:
  - {name: nightly, pipeline: training, cron: "0 2 * * *", timezone: Europe/Berlin}
  - {name: hourly, pipeline: scoring, every: 1h}
  - {name: follower, pipeline: etl, after: {schedule: nightly}}
"""

HEARS_TOO = """
const source = new EventSource("/live");
source.addEventListener("open", () => document.body.classList.add("hears-too"));
source.addEventListener("outcome", () => document.body.classList.add("told"));
"""

NOTE = "the data is late <script>document.title = 'taken'</script>"


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FILE)


def names(page: Page) -> list[str]:
    return page.locator("tbody td.name a").all_inner_texts()


def pause_of(living: Living, name: str) -> Pause | None:
    found: Pause | None = living.ask(living.engine.pauses.get(name))
    return found


def ends(living: Living, name: str) -> None:
    """Let a run of a schedule end, and tell of it."""
    engine = living.engine
    result = Result(trigger="t", fate="completed", ended=engine.clock(), seconds=3, lateness_ms=120)
    told = engine.outcomes.add({"status": "completed", "schedule": name, "at": engine.clock()})
    living.ask(engine.triggers.record([Item(commands=[*engine.results.add(name, result, None), told])]))


def test_the_list_follows_what_is_typed_and_keeps_it_when_there_is_news(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    page = view().page
    page.goto(f"{living.url}/schedules")
    assert names(page) == ["follower", "hourly", "nightly"]
    page.keyboard.press("/")
    page.keyboard.type("hou")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert names(page) == ["hourly"]
    expect(page).to_have_url(f"{living.url}/schedules?q=hou")
    page.get_by_role("checkbox", name="Tick hourly").check()
    expect(page.locator("#ticks")).to_have_text("ticked (1)")
    search = page.get_by_label("Search")
    search.focus()
    expect(page.locator("html")).to_have_class(re.compile("hears"))
    ends(living, "hourly")
    expect(page.locator("tbody .cells")).to_have_attribute("aria-label", re.compile("1 completed"))
    expect(search).to_be_focused()
    expect(search).to_have_value("hou")
    expect(page.get_by_role("checkbox", name="Tick hourly")).to_be_checked()
    page.get_by_label("failing").check()
    expect(page.locator("#list")).to_contain_text("No schedule is like that")
    expect(page).to_have_url(f"{living.url}/schedules?q=hou&status=failing")
    page.get_by_role("link", name="Show all").first.click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_what_ends_before_the_page_hears_is_not_missed(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    page = view().page

    def meanwhile(route: Route) -> None:
        ends(living, "hourly")
        route.continue_()

    page.route("**/live*", meanwhile)
    page.goto(f"{living.url}/schedules")
    expect(page.locator("tbody .cells")).to_have_attribute("aria-label", re.compile("1 completed"))


def test_what_ends_while_the_list_is_asked_for_is_not_missed(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    page = view().page
    page.goto(f"{living.url}/schedules")
    expect(page.locator("html.hears")).to_be_attached()
    page.evaluate(HEARS_TOO)
    expect(page.locator("body.hears-too")).to_be_attached()
    held: list[tuple[Route, APIResponse]] = []
    page.route("**/schedules?q=hou*", lambda route: held.append((route, route.fetch())), times=1)
    page.get_by_label("Search").fill("hou")
    while not held:
        page.wait_for_timeout(10)
    ends(living, "hourly")
    expect(page.locator("body.told")).to_be_attached()
    ((route, before),) = held
    route.fulfill(response=before)
    expect(page.locator("tbody .cells")).to_have_attribute("aria-label", re.compile("1 completed"))
    expect(page).to_have_url(f"{living.url}/schedules?q=hou")


def test_a_row_that_has_the_focus_keeps_it_when_there_is_news(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    page = view().page
    page.goto(f"{living.url}/schedules")
    expect(page.locator("html")).to_have_class(re.compile("hears"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="hourly", exact=True)).to_be_focused()
    ends(living, "hourly")
    expect(page.locator("tbody .cells")).to_have_count(1)
    expect(page.get_by_role("link", name="hourly", exact=True)).to_be_focused()


def test_one_is_paused_with_a_note_by_keyboard_and_the_note_stays_text(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    viewer = view()
    viewer.expected = ("422",)
    page = viewer.page
    page.goto(f"{living.url}/schedules")
    page.get_by_role("checkbox", name="Tick nightly").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    over = page.get_by_role("dialog", name="What to do")
    expect(over.get_by_label("Why")).to_be_focused()
    page.keyboard.type(NOTE)
    over.get_by_label("Until").fill("2020-01-01T08:00")
    page.keyboard.press("Enter")
    expect(over.get_by_role("alert")).to_contain_text("Until has passed")
    expect(over.get_by_label("Why")).to_have_value(NOTE)
    assert pause_of(living, "nightly") is None
    over.get_by_label("Until").fill("")
    over.get_by_label("Why").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Paused nightly.")
    paused = pause_of(living, "nightly")
    assert paused is not None
    assert paused.why == NOTE
    expect(page.locator("tbody tr", has_text="nightly").last).to_contain_text(f"by api: {NOTE}")
    assert page.title() == "Schedules · zenbeat"


def test_the_form_tells_what_an_end_would_skip(site: Callable[..., Living], view: Callable[..., Viewer]) -> None:
    living = site()
    page = view().page
    page.goto(f"{living.url}/schedules/nightly/pause")
    expect(page.locator("#skips")).to_contain_text("everything from now on")
    page.get_by_label("Until").fill("2199-01-01T08:00")
    page.keyboard.press("Tab")
    expect(page.locator("#skips")).to_contain_text("At least 300 fire times are skipped")


def test_all_are_ticked_at_once_on_a_narrow_screen_and_leaving_changes_nothing(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    page = view(viewport={"width": 420, "height": 800}, color_scheme="dark").page
    page.goto(f"{living.url}/schedules")
    page.get_by_label("All on this page").check()
    expect(page.locator("#ticks")).to_have_text("ticked (3)")
    page.get_by_role("button", name="Run now").click()
    over = page.get_by_role("dialog", name="What to do")
    expect(over).to_contain_text("Run 3 schedules now")
    page.keyboard.press("Escape")
    expect(over).to_be_hidden()
    assert living.ask(living.engine.results.going()) == {}
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 420, "nothing hangs over the edge"
