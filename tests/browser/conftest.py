"""The dashboard in a real browser. Every page that a test opens has to be quiet: no error, no other host."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.server.living import Living
from worker.settings import load_settings

CHROMIUM = "/usr/bin/chromium"

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SERIOUS = {"serious", "critical"}

# Parts of a page are asked for again every few seconds at most.
expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser of the system. While it is open, this thread has an event loop: other tests would trip over it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        yield browser
        browser.close()


@pytest.fixture
def site(redis_url: str, tmp_path: Path) -> Iterator[Callable[..., Living]]:
    """Start the API and its dashboard on an empty Redis; settings by their variables."""
    with ExitStack() as opened:

        def start(**variables: str) -> Living:
            environment = {"REDIS_URL": redis_url, "SCHEDULES_DIR": str(tmp_path), **variables}
            return opened.enter_context(Living(load_settings(environment, tmp_path)))

        yield start


class Viewer:
    """A page, and what was heard of it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.expected: tuple[str, ...] = ()
        """Errors that a test brings about, such as the browser's own line for an answer of 422."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(text in message.text for text in self.expected):
            self.wrong.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            self.wrong.append(f"another host: {request.url}")

    def check(self) -> None:
        """See that nothing was wrong, and that who cannot see, or has no mouse, can use the page as it is now."""
        assert not self.wrong
        found = Axe().run(self.page).response["violations"]
        assert not [rule for rule in found if rule["impact"] in SERIOUS], [
            (rule["id"], [node["html"] for node in rule["nodes"]][:5]) for rule in found if rule["impact"] in SERIOUS
        ]


@pytest.fixture
def view(chromium: Browser) -> Iterator[Callable[..., Viewer]]:
    """Open a browser window of its own; `new_context`'s options by keyword. What it shows at the end is checked."""
    with ExitStack() as opened:

        def start(**options: object) -> Viewer:
            wanted = {"locale": "en-GB", "timezone_id": "Europe/Berlin", **options}
            context = chromium.new_context(**wanted)  # type: ignore[arg-type]
            opened.callback(context.close)
            viewer = Viewer(context.new_page())
            if wanted.get("java_script_enabled", True):  # what looks at the page is a script
                opened.callback(viewer.check)
            return viewer

        yield start
