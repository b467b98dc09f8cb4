"""Reads the blocks of code out of docs/callers.md, so that what stands there is what is tried."""

import re
from collections.abc import Mapping
from pathlib import Path

CALLERS = Path(__file__).parents[2] / "docs" / "callers.md"

REDIS = "redis://localhost:6379/0"
RABBITMQ = "amqp://guest:guest@localhost:5672//"
SERVER = "https://zenbeat.example.com"


def blocks(heading: str, language: str, path: Path = CALLERS) -> list[str]:
    """Give the blocks of a language below a heading and above the next one of its rank."""
    text = path.read_text()
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found, f"no heading {heading!r}"
    body = re.split(rf"^#{{1,{len(found[1])}}} ", text[found.end() :], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)


def block(heading: str, language: str, addresses: Mapping[str, str] | None = None, path: Path = CALLERS) -> str:
    """Give the one block of a language below a heading, with addresses that are there in the place of the examples'."""
    found = blocks(heading, language, path)
    assert len(found) == 1, f"{heading}: {len(found)} blocks of {language}"
    text = found[0]
    for example, real in (addresses or {}).items():
        assert example in text, f"{heading}: {example} is not there"
        text = text.replace(example, real)
    return text
