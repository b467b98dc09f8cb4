"""The page of a schedule in a browser: a body for a chosen fire time, a backfill by keyboard, news as they come."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Viewer
from tests.server.living import Living
from tests.web.pasts import ran

FILE = """\
schedules:
  - name: nightly
    pipeline: training
    cron: "30 2 * * *"
    timezone: Europe/Berlin
    config:
      steps: {trainer: {parameters: {day: "{{ fire_time | date('%Y-%m-%d') }}", note: "<script>alert(1)</script>"}}}
  - {name: clocks, pipeline: etl, at: 2090-10-29T00:30, timezone: Europe/Berlin}
"""

FIRE = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FILE)


def test_a_fire_time_is_chosen_and_its_body_shown_as_text(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    living.ask(ran(living.engine, "nightly", FIRE, "failed", reason="<img src=x onerror=alert(1)>"))
    page = view().page
    page.goto(f"{living.url}/schedules/nightly")
    body = page.locator("#config pre").nth(1)
    page.get_by_label("Fire time", exact=True).select_option(index=2)
    chosen = page.get_by_label("Fire time", exact=True).locator("option:checked").inner_text()
    page.get_by_role("button", name="Render").click()
    expect(page.get_by_role("heading", name=f"As it is sent for {chosen}")).to_be_visible()
    expect(body).to_contain_text(f"day: '{chosen[4:14]}'")
    expect(body).to_contain_text("note: <script>alert(1)</script>")
    page.get_by_label("or any time, in Europe/Berlin").fill("2026-03-04T02:30")
    page.keyboard.press("Enter")
    expect(body).to_contain_text("day: '2026-03-04'")
    expect(page.locator("#ledger")).to_contain_text("<img src=x onerror=alert(1)>")


def test_a_backfill_is_looked_at_and_begun_by_keyboard(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    viewer = view()
    viewer.expected = ("422",)
    page = viewer.page
    page.goto(f"{living.url}/schedules/nightly")
    page.get_by_role("link", name="Backfill").press("Enter")
    over = page.get_by_role("dialog", name="What to do")
    expect(over.get_by_label("From, in Europe/Berlin")).to_be_focused()
    page.keyboard.type("yesterday")
    page.keyboard.press("Enter")
    expect(over.get_by_role("alert")).to_contain_text('"yesterday" is not a time')
    over.get_by_label("From, in Europe/Berlin").fill("2026-03-01")
    page.keyboard.press("Tab")
    page.keyboard.type("2026-03-03")
    page.keyboard.press("Enter")
    expect(over.get_by_role("heading", name="3 of 3 fire times run")).to_be_visible()
    viewer.check()
    expect(over.get_by_role("button", name="Begin it")).to_be_focused()
    assert living.ask(living.engine.sweeps.active()) == []
    page.keyboard.press("Enter")
    page.wait_for_url(f"{living.url}/sweeps/*")
    (row,) = living.ask(living.engine.sweeps.active())
    assert (row.name, row.total) == ("nightly", 3)


def test_a_change_of_the_clocks_is_marked(site: Callable[..., Living], view: Callable[..., Viewer]) -> None:
    living = site()
    page = view(viewport={"width": 420, "height": 800}, color_scheme="dark").page
    page.goto(f"{living.url}/schedules/clocks")
    expect(page.get_by_role("group", name="The next fire times")).to_contain_text("clocks go back 03:00 → 02:00")


def test_what_happens_is_there_without_asking(site: Callable[..., Living], view: Callable[..., Viewer]) -> None:
    living = site()
    page = view().page
    page.goto(f"{living.url}/schedules/nightly")
    expect(page.locator("html.hears")).to_be_attached()
    expect(page.locator("#standing")).not_to_contain_text("completed")
    living.ask(ran(living.engine, "nightly", FIRE))
    living.tell(status="completed", schedule="nightly", at=FIRE.isoformat())
    expect(page.locator("#standing")).to_contain_text("completed")
    expect(page.locator("#ledger")).to_contain_text("Mon 2026-03-02 02:30:00 CET")
