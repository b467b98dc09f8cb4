"""The cron lab in a browser: it answers as somebody types, on the viewer's clock."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Viewer
from tests.server.living import Living


def test_it_answers_as_somebody_types_and_the_address_can_be_shared(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    page = view(locale="en-US", timezone_id="America/New_York").page
    page.goto(f"{living.url}/cron?timezone=Europe/Berlin&after=2026-03-28T12:00")
    page.get_by_label("Expression").press_sequentially("30 2 * * *")
    expect(page.get_by_role("heading", name="Every day at 02:30, Berlin time")).to_be_visible()
    expect(page.get_by_text("clocks go forward 02:00 → 03:00 on Sun 2026-03-29").first).to_be_visible()
    fires = page.get_by_role("region", name="The next 10")
    first = fires.get_by_role("row").nth(1)
    expect(first).to_contain_text("Sun 2026-03-29 03:00:00 CEST")
    # The viewer is in New York and reads AM and PM; browsers put a narrow space before them.
    expect(first.locator("time")).to_have_text(re.compile(r"Mar 28, 2026, 9:00:00\sPM"))
    expect(page.get_by_label("Expression")).to_be_focused()
    expect(page).to_have_url(re.compile(r"expression=30\+2\+\*\+\*\+\*|expression=30%202%20\*%20\*%20\*"))
    shared = page.url
    page.get_by_label("Counted from").fill("2026-10-24T12:00")
    page.get_by_label("Comes twice").select_option("both")
    expect(page.get_by_text("clocks go back 03:00 → 02:00 on Sun 2026-10-25").first).to_be_visible()
    expect(fires.get_by_role("row").nth(2)).to_contain_text("Sun 2026-10-25 02:30:00 CET")
    page.goto(shared)
    expect(page.get_by_label("Counted from")).to_have_value("2026-03-28T12:00")
    expect(first).to_contain_text("Sun 2026-03-29 03:00:00 CEST")


def test_a_fault_is_told_while_somebody_types_and_goes_when_it_is_mended(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    page = view().page
    page.goto(f"{living.url}/cron")
    page.get_by_label("Expression").fill("0 25 * * *")
    expect(page.get_by_role("alert")).to_contain_text("hour 25 is out of range")
    expect(page.locator("mark")).to_have_text("25")
    page.get_by_label("Expression").fill("0 23 * * *")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("region", name="The next 10").locator("time").first).to_have_text(
        re.compile(r"^\d+ \w+ \d+, \d\d:00:00$|^\d\d:00:00$")
    )


def test_an_example_is_a_click_away(site: Callable[..., Living], view: Callable[..., Viewer]) -> None:
    living = site()
    page = view().page
    page.goto(f"{living.url}/cron")
    page.get_by_role("link", name="The first Monday of the month").click()
    expect(page.get_by_label("Expression")).to_have_value("0 7 * * MON#1")
    expect(page.locator(".month td.due")).to_have_count(3)
