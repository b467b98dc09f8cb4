"""Logging in, in a browser."""

from collections.abc import Callable

from tests.browser.conftest import Viewer
from tests.server.living import Living


def test_somebody_logs_in_goes_to_a_page_by_keys_and_logs_out(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    key = living.key("operate", name="ada")
    page = view().page
    page.goto(f"{living.url}/dead")
    assert page.url == f"{living.url}/login?next=/dead"
    page.get_by_label("API key").fill(key)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{living.url}/dead")
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{living.url}/login")
    cookies = page.context.cookies()
    assert not [cookie for cookie in cookies if cookie["name"] == "zenbeat"]
