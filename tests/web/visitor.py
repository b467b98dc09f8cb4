"""A person without scripts: follows links, fills in forms."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.api.door import Door


class Visitor:
    """Somebody who looks at pages, and keeps cookies."""

    def __init__(self, door: Door, http: httpx.AsyncClient | None = None) -> None:
        self.door = door
        self.http = http or door.client()
        self.http.headers["accept"] = "text/html"

    async def see(self, path: str, status: int = 200) -> str:
        """Open a page; gives its HTML."""
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        return answer.text

    async def send(self, page: str, path: str, **fields: Any) -> httpx.Response:
        """Open a page, and send a form to `path` with the token that the page has."""
        token = re.search(r'name="csrf" value="([^"]+)"', await self.see(page))
        assert token, "the page has no form"
        return await self.http.post(path, data={"csrf": token[1], **fields})

    async def act(self, path: str, told: str, **fields: Any) -> str:
        """Open the form of an act, send it, and see that the page it leads to tells what was done."""
        answer = await self.send(path, path, **fields)
        assert answer.status_code == 303, answer.text
        page = await self.see(answer.headers["location"])
        assert told in text_of(page)
        return page

    async def log_in(self, key: str) -> httpx.Response:
        """Log in."""
        return await self.http.post("/login", data={"key": key})


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def text_of(html: str) -> str:
    """Give what a page says, without its markup, with single spaces."""
    parser = _Text()
    parser.feed(html)
    return " ".join(" ".join(parser.parts).split())
