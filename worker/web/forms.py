"""What a form on a page has sent, and where a person may be led afterwards."""

from collections.abc import Mapping
from urllib.parse import parse_qs

from fastapi import Request

from worker.api.problems import BadRequest

FORM = "application/x-www-form-urlencoded"

MOST_FIELDS = 1_000

LONGEST_PATH = 2_000


class Form:
    """The fields of a form. What was left empty is as good as not there."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def text(self, name: str, otherwise: str = "") -> str:
        """Give a field's text, without the space around it."""
        return self._fields.get(name, [otherwise])[-1].strip()

    def texts(self, name: str) -> list[str]:
        """Give each text of a field that may be there several times."""
        return [value for value in self._fields.get(name, ()) if value.strip()]

    def ticked(self, name: str) -> bool:
        """Tell whether a box was ticked."""
        return name in self._fields


async def read_form(request: Request) -> Form:
    """Read the body. Raises BadRequest for what is no form, or not UTF-8."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise BadRequest(415, "media-type", "a page sends its forms as application/x-www-form-urlencoded")
    try:
        return Form(parse_qs((await request.body()).decode("ascii"), errors="strict", max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise BadRequest(400, "not-a-form", "the form cannot be read") from error


def own_path(target: str, otherwise: str = "/") -> str:
    """Give a path of ours to lead somebody to: what could lead to another host is not taken."""
    ours = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if ours and target.isprintable() and len(target) <= LONGEST_PATH else otherwise
