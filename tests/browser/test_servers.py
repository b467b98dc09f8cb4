"""The page of the servers in a browser: it follows what happens, and its hours are those of the viewer."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Viewer
from tests.server.living import Living

CROWD = "\n".join(f'  - {{name: c{number:02}, pipeline: p, cron: "0 2 * * *"}}' for number in range(30))


def test_what_changes_is_told_without_a_reload(site: Callable[..., Living], view: Callable[..., Viewer]) -> None:
    living = site()
    page = view().page
    page.goto(f"{living.url}/servers")
    expect(page.get_by_text("none is alive: no schedule fires")).to_be_visible()
    page.evaluate("document.body.dataset.same = 'yes'")
    page.wait_for_function("document.documentElement.classList.contains('hears')")
    at = living.engine.clock().isoformat()
    sign = {"at": at, "since": at, "leading": True, "schedules": 3, "alarm": ""}
    living.ask(living.engine.heartbeats.beat("beat", "alpha:11:abc", sign))
    living.tell(status="skipped", schedule="nightly", at=at)
    expect(page.get_by_role("row", name=re.compile("beat leads"))).to_be_visible()
    expect(page.get_by_text("none is alive: no schedule fires")).to_have_count(0)
    assert page.evaluate("document.body.dataset.same") == "yes"


def test_the_next_day_is_drawn_with_the_hours_of_the_viewer(
    site: Callable[..., Living], view: Callable[..., Viewer], tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(f"schedules:\n{CROWD}\n")
    living = site()
    learnt = {"window": "2", "capped": "1"}
    living.ask(living.engine.redis.hset(living.engine.keys.limit, mapping=learnt))
    at = living.engine.clock().isoformat()
    living.ask(living.engine.heartbeats.beat("worker", "alpha:12:abc", {"at": at, "holds": 10.0}))
    page = view(locale="en-US", timezone_id="America/New_York", viewport={"width": 420, "height": 800}).page
    page.goto(f"{living.url}/servers")
    day = page.get_by_role("region", name="The next day")
    expect(day.get_by_text("Crowded")).to_be_visible()
    expect(day.get_by_role("img")).to_have_attribute("aria-label", re.compile("at most 30 in one minute"))
    expect(day.locator(".hours li").first).to_have_text(re.compile(r"\d+\s(AM|PM)"))
    expect(day.get_by_role("row", name=re.compile("30 schedules: c00, c01"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_administrator_finds_who_was_refused(site: Callable[..., Living], view: Callable[..., Viewer]) -> None:
    living = site()
    key = living.key("admin", name="ada")
    viewer = view()
    viewer.expected = ("401",)
    page = viewer.page
    page.goto(f"{living.url}/login?next=/servers")
    page.get_by_label("API key").fill("zb_wrong")
    page.keyboard.press("Enter")
    page.get_by_label("API key").fill(key)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Audit log").click()
    page.get_by_label("Result").select_option("refused")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("row").nth(1)).to_contain_text("✗ refused")
