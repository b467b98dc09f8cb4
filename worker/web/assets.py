"""What pages are made of beside their text: style sheet, scripts, icon. Under a digest, and kept for good.

Scripts of others are here as their projects publish them; `assets/README.md` says which, and under what licence.
"""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from fastapi import APIRouter, Response

from worker.domain.errors import Unknown

router = APIRouter(prefix="/assets", include_in_schema=False)

KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}

DIGITS = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that browsers ask for."""

    content: bytes
    kind: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """Read all of them, by name."""
    found = {}
    for file in files("worker.web").joinpath("assets").iterdir():
        kind = KINDS.get(file.name.rpartition(".")[2])
        if kind is not None:
            content = file.read_bytes()
            found[file.name] = Asset(content, kind, sha256(content).hexdigest()[:DIGITS])
    return found


def path_of(name: str) -> str:
    """Give the address of an asset, for templates."""
    return f"/assets/{assets()[name].digest}/{name}"


@router.get("/{digest}/{name}")
async def asset(digest: str, name: str) -> Response:
    """Give an asset. None of it says anything of us: nobody has to log in for it."""
    found = assets().get(name)
    if found is None or found.digest != digest:
        raise Unknown("there is no such file; open the page again")
    return Response(found.content, media_type=found.kind, headers=FOR_GOOD)
