"""The API with the dashboard beside it: one application, one process."""

from functools import partial
from secrets import token_urlsafe
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from worker.api import access, problems
from worker.api import app as api
from worker.api.context import Context
from worker.store.sessions import TOKEN_BYTES
from worker.web import (
    assets,
    audit,
    backfills,
    cronlab,
    dead,
    deadacts,
    live,
    login,
    now,
    schedule,
    scheduleacts,
    schedules,
    scheduleticks,
    servers,
    sweep,
    sweepacts,
    sweepnew,
    sweeps,
    trigger,
    triggeracts,
    triggers,
    triggerstart,
)
from worker.web.pages import error_page
from worker.web.visits import shown

ROUTERS = (
    now.router,
    live.router,
    schedules.router,
    scheduleticks.router,
    schedule.router,
    scheduleacts.router,
    backfills.router,
    triggers.router,
    triggerstart.router,  # before `trigger`: /triggers/new is no trigger's id
    trigger.router,
    triggeracts.router,
    dead.router,
    deadacts.router,
    sweeps.router,
    sweepnew.router,  # before `sweep`: /sweeps/new is no sweep's id
    sweepacts.router,
    sweep.router,
    servers.router,
    audit.router,
    cronlab.router,
    login.router,
    assets.router,
)

FOR_PROGRAMS = ("/api/", "/hooks/")


def make_app(context: Context) -> FastAPI:
    """Make the application. The tasks of `context` have to be kept going beside it."""
    app = api.make_app(context)
    # What forms bring along of who is at home, and has no session: another site cannot read it off a page of ours.
    app.state.home_csrf = token_urlsafe(TOKEN_BYTES)
    app.state.watch = servers.Watch(context)
    app.dependency_overrides[access.shown] = shown
    app.state.lookout = now.Lookout(context)
    for router in ROUTERS:
        app.include_router(router)
    beside = app.exception_handlers[405]
    app.add_exception_handler(404, _nothing_there)  # type: ignore[arg-type]
    app.add_exception_handler(405, partial(_not_so, beside))
    app.add_exception_handler(Exception, _failed)
    return app


def _for_people(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(FOR_PROGRAMS)


def _shown(request: Request, problem: Response) -> Response:
    return error_page(request, problem) if _for_people(request) else problem


async def _nothing_there(request: Request, _: HTTPException) -> Response:
    """Answer a path that leads nowhere: people get a page."""
    detail = f"there is nothing at {request.url.path}"
    return _shown(request, problems.of_framework(request, HTTPException(404, detail)))


async def _not_so(beside: Any, request: Request, error: HTTPException) -> Response:
    """Answer a method that a path has not, such as the address of a form's act that somebody opens."""
    methods = _methods(request.url.path)
    if not methods:
        answer: Response = beside(request, error)
        return answer
    headers = {"Allow": ", ".join(sorted(methods))}
    detail = "this address takes what a form sends, and has nothing to show; open the page that has the form"
    problem = problems.of_framework(request, HTTPException(405, detail, headers))
    page = _shown(request, problem)
    page.headers.update(headers)
    return page


def _methods(path: str) -> set[str]:
    routes = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    return {method for route in routes if route.path_regex.fullmatch(path) for method in route.methods or ()}


async def _failed(request: Request, error: Exception) -> Response:
    """Answer what is a fault of ours: people get a page, with the id under which the log has it."""
    return _shown(request, problems.unexpected(request, error))
