"""From what is known to a page: templates, the headers that every page has, and what a person is told after an act."""

from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined

from worker import __version__
from worker.api import problems
from worker.domain.access import opens
from worker.domain.errors import InvalidInput, ZenbeatError
from worker.web import telling, words
from worker.web.assets import path_of
from worker.web.states import look_of
from worker.web.visits import LoginWanted, Visitor, let_out, visitor_of

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    # Not `no-referrer`: with that, browsers say of our own forms that they come from "null", as other sites' forms do.
    "Referrer-Policy": "same-origin",
}
"""Of every page: nothing from another host, no script and no style that is not a file of ours, in nobody's frame."""

PAGES = (
    ("/", "Now", "n"),
    ("/schedules", "Schedules", "s"),
    ("/triggers", "Triggers", "t"),
    ("/sweeps", "Sweeps", "w"),
    ("/servers", "Servers", "v"),
    ("/dead", "Dead letters", "d"),
    ("/cron", "Cron lab", "c"),
)
"""Address, name, and the key that leads there after `g`."""


@cache
def environment() -> Environment:
    """Give the templates. Whatever they are given is text, and stays text."""
    made = Environment(
        loader=PackageLoader("worker.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(words.FILTERS)
    made.globals.update(asset=path_of, look_of=look_of, opens=opens, version=__version__, pages=PAGES)
    return made


def render(
    request: Request, visitor: Visitor | None, template: str, *, status: int = 200, **context: Any
) -> HTMLResponse:
    """Make a page; `visitor` is None where nobody has to be known."""
    part = is_part(request)
    told = "" if part else telling.told(request, visitor)
    made = environment().get_template(template)
    text = made.render(**context, visitor=visitor, path=request.url.path, told=told, part=part)
    response = HTMLResponse(words.blotted(text), status_code=status, headers=HEADERS)
    if told:
        telling.forget(request, response)
    return response


def is_part(request: Request) -> bool:
    """Tell whether a script asks, for a part of a page: to lay it over the page, or into it."""
    return request.headers.get("hx-request") == "true"


def done(request: Request, to: str, told: str) -> Response:
    """Answer an act: lead the person to a page that tells what was done."""
    response = _redirect(request, to)
    telling.tell(request, response, told)
    return response


def _redirect(request: Request, to: str) -> Response:
    response = RedirectResponse(to, status_code=303, headers=HEADERS)
    if is_part(request):
        return Response(status_code=204, headers={**HEADERS, "HX-Redirect": response.headers["location"]})
    return response


Answer = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Answer:
        """Give the route, with errors seen to."""
        answer = super().get_route_handler()

        async def seen_to(request: Request) -> Response:
            try:
                return await answer(request)
            except LoginWanted as error:
                return _to_login(request, error)
            except ZenbeatError as error:
                return error_page(request, problems.answer(request, error), _faults(error))
            except RequestValidationError as error:
                return error_page(request, problems.of_parameters(request, error))

        return seen_to


def _to_login(request: Request, error: LoginWanted) -> Response:
    response = _redirect(request, error.path)
    let_out(request, response)
    return response


def _faults(error: ZenbeatError) -> list[str]:
    return [str(fault) for fault in error.faults] if isinstance(error, InvalidInput) else []


def error_page(request: Request, problem: Response, faults: list[str] | None = None) -> Response:
    """Make a page of what the API would answer."""
    said = orjson.loads(problem.body)
    page = render(
        request,
        visitor_of(request),
        "error.html",
        status=problem.status_code,
        said=said,
        faults=faults or [],
        title=words.sentence(said["title"]),
    )
    wait = problem.headers.get("retry-after")
    if wait is not None:
        page.headers["retry-after"] = wait
    return page
