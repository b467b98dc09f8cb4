"""Pictures of every page of a running dashboard: light and dark, wide and narrow.

Needs Debian's chromium, and what the tests need. The pictures of the README are some of these.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"

QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")

SIZES = {"wide": {"width": 1280, "height": 800}, "narrow": {"width": 390, "height": 844}}

SCHEMES = ("light", "dark")

PAINTED_MS = 700
"""Charts are drawn, and times told, within this."""

FIRST = {
    "schedule": ("/schedules", 'main a[href^="/schedules/"]:not([href*="/-/"])'),
    "sweep": ("/sweeps", 'main a[href^="/sweeps/"]:not([href="/sweeps/new"])'),
    "trigger": ("/triggers", 'main a[href^="/triggers/"]:not([href="/triggers/new"])'),
}
"""Pages of one thing: the list it stands in, and where its link is."""


def screens(url: str, to: str, pages: list[str]) -> None:
    """Make the pictures, as `<page>-<size>-<scheme>.png`."""
    folder = Path(to)
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        for page, name in _opened(browser, url.rstrip("/"), pages):
            picture = folder / f"{name}.png"
            page.screenshot(path=picture)
            print(f"{picture}  {picture.stat().st_size // 1024} KiB", file=sys.stderr)
        browser.close()


def _opened(browser: Browser, url: str, pages: list[str]) -> Iterator[tuple[Page, str]]:
    for size, viewport in SIZES.items():
        for scheme in SCHEMES:
            context = browser.new_context(
                viewport=viewport,  # type: ignore[arg-type]
                color_scheme=scheme,  # type: ignore[arg-type]
                locale="en-GB",
                timezone_id="Europe/Berlin",
                reduced_motion="reduce",
            )
            page = context.new_page()
            for name, address in _addresses(page, url).items():
                if not pages or name in pages:
                    page.goto(f"{url}{address}", wait_until="load")
                    page.wait_for_timeout(PAINTED_MS)
                    yield page, f"{name}-{size}-{scheme}"
            context.close()


def _addresses(page: Page, url: str) -> dict[str, str]:
    """Give the pages that the dashboard leads to, by their names."""
    page.goto(url)
    links = page.locator("nav a")
    found = {"login": "/login", "audit": "/audit"}
    for link in links.all():
        address = link.get_attribute("href") or "/"
        found[address.strip("/") or "now"] = address
    for name, (listed, where) in FIRST.items():
        page.goto(f"{url}{listed}")
        first = page.locator(where)
        if first.count():
            found[name] = first.first.get_attribute("href") or listed
    return found
