"""`/docs`: the API for people, one page made from the OpenAPI, without a script and without anybody else's server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from worker.api.access import shown

router = APIRouter(include_in_schema=False)

Shown = [Depends(shown)]
"""Dependencies of what describes us. A style sheet says nothing of us, and not every browser sends a key for it."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}

METHODS = ("get", "post", "put", "patch", "delete")
UNTAGGED = "other"
PROBLEM = "Problem"
UNSAID = "Successful Response"
"""What the framework says where a route says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked for, as the page shows it."""

    method: str
    path: str
    tag: str
    title: str
    text: str
    parameters: tuple[Mapping[str, Any], ...]
    calls: tuple[tuple[str, str], ...]
    """What it is, and the command that does it."""
    answers: tuple[tuple[str, str, str], ...]
    """Status, what it means, and the shape of the answer's body."""

    @property
    def anchor(self) -> str:
        """Where it is on the page."""
        return f"{self.method}-{self.path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}"


@router.get("/openapi.json", dependencies=Shown)
async def openapi(request: Request) -> JSONResponse:
    """Give the OpenAPI."""
    return JSONResponse(request.app.openapi())


@router.get("/docs", dependencies=Shown)
async def page(request: Request) -> HTMLResponse:
    """Show the page."""
    schema = request.app.openapi()
    operations = list(_operations(schema, str(request.base_url).rstrip("/")))
    known = [tag["name"] for tag in schema.get("tags", ())]
    texts = {tag["name"]: tag.get("description", "") for tag in schema.get("tags", ())}
    tags = [
        (name, texts.get(name, ""), [each for each in operations if each.tag == name]) for name in (*known, UNTAGGED)
    ]
    template = _environment().get_template("docs.html")
    text = template.render(info=schema["info"], tags=tags, shapes=_shapes(schema), choices=_choices(schema))
    return HTMLResponse(text, headers=HEADERS)


@router.get("/docs/style.css")
async def style() -> Response:
    """Give the page's style sheet."""
    return Response(_style(), media_type="text/css", headers={"Cache-Control": "no-cache"})


@cache
def _style() -> str:
    return files("worker.api").joinpath("templates", "docs.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("worker.api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["paragraphs"] = _paragraphs
    environment.filters["shape"] = shape_of
    return environment


def _operations(schema: Mapping[str, Any], base: str) -> Iterator[Operation]:
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if (known := methods.get(method)) is not None:
                yield Operation(
                    method=method.upper(),
                    path=path,
                    tag=(known.get("tags") or [UNTAGGED])[0],
                    title=known.get("summary", ""),
                    text=known.get("description", ""),
                    parameters=tuple(known.get("parameters", ())),
                    calls=tuple(_calls(method.upper(), f"{base}{path}", known)),
                    answers=tuple(_answers(known)),
                )


def _calls(method: str, url: str, known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the commands that ask for it: one for each example of its body, or one without a body."""
    key = "" if known.get("security") == [] else ' -H "Authorization: Bearer $ZB_KEY"'
    start = f"curl {'' if method == 'GET' else f'-X {method} '}'{url}'{key}"
    examples = list(_examples(known))
    for title, value in examples:
        body = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().replace("'", "'\\''")
        yield title, f"{start} \\\n  -H 'Content-Type: application/json' -d '{body}'"
    if not examples:
        yield "", start


def _examples(known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for content in known.get("requestBody", {}).get("content", {}).values():
        for name, example in content.get("examples", {}).items():
            yield example.get("summary", name), example.get("value")
        if "example" in content:
            yield "", content["example"]


def _answers(known: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for status, answer in known.get("responses", {}).items():
        shapes = {shape_of(content.get("schema", {})) for content in answer.get("content", {}).values()}
        if shapes != {PROBLEM}:
            meaning = answer.get("description", "")
            yield status, "" if meaning == UNSAID else meaning, ", ".join(sorted(shapes))


def _shapes(schema: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    shapes = schema.get("components", {}).get("schemas", {})
    return sorted((name, shape) for name, shape in shapes.items() if "properties" in shape)


def _choices(schema: Mapping[str, Any]) -> dict[str, str]:
    """Give what may stand where one of several words has to, by the name of the shape."""
    shapes = schema.get("components", {}).get("schemas", {})
    return {name: shape_of(shape) for name, shape in shapes.items() if "enum" in shape}


def shape_of(schema: Mapping[str, Any]) -> str:
    """Say in a few words what a value has to be."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(shape_of(each) for each in schema[word] if each.get("type") != "null"))
    if "enum" in schema or "const" in schema:
        return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return f"list of {shape_of(schema.get('items', {}))}"
    kind = schema.get("type", "anything")
    return str(schema.get("format", kind)) if kind == "string" else str(kind)


def _paragraphs(text: str) -> list[list[tuple[str, bool]]]:
    """Part a text into paragraphs, and each into words and `code`."""
    parts = [paragraph.split("`") for paragraph in text.strip().split("\n\n") if paragraph.strip()]
    return [[(part, number % 2 == 1) for number, part in enumerate(each)] for each in parts]
