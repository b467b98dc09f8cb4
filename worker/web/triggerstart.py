"""`/triggers/new`: start a run of a pipeline by hand."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from worker.api.context import Ctx
from worker.api.triggers import start
from worker.api.triggershapes import TriggerView, view_of
from worker.domain.access import Area
from worker.domain.errors import Conflict, Fault, InvalidInput
from worker.domain.moments import read_moment
from worker.engine.requests import Requests, TriggerRequest, parse_request
from worker.source.document import read_document
from worker.web.forms import Form
from worker.web.pages import PageRoute, done, render
from worker.web.trigger import known
from worker.web.visits import Acting, Visit, Visitor
from worker.web.words import as_yaml

router = APIRouter(include_in_schema=False, route_class=PageRoute)

OWN_TAGS = "zenbeat"
"""What the tags begin with that zenbeat gives to a run."""

SENT_BEFORE = "this form was sent before, with other words in it; send it again to start another run"

TEXTS = ("pipeline", "template", "snapshot", "project", "config", "priority", "not_before")


@router.get("/triggers/new")
async def ask(request: Request, context: Ctx, visitor: Visit, pipeline: str = "", like: str = "") -> Response:
    """Show the form, empty or with what another trigger was. Its key makes a form that is sent twice one run."""
    typed = {**dict.fromkeys(TEXTS, ""), "pipeline": pipeline}
    if like:
        await visitor.caller.check(Area.READ)
        typed |= _like(view_of(await known(context, like)))
    return _form(request, visitor, typed, uuid4().hex)


def _like(view: TriggerView) -> dict[str, str]:
    """Give the words that would ask for the same again; names and tags that zenbeat made are made anew."""
    config = {key: value for key, value in (view.config or {}).items() if key not in {"run_name", "tags"}}
    tags = [tag for tag in (view.config or {}).get("tags", []) if not tag.startswith(OWN_TAGS)]
    config |= {"tags": tags} if tags else {}
    named = {name: getattr(view, name) or "" for name in ("pipeline", "template", "snapshot", "project")}
    return {**named, "config": as_yaml(config) if config else "", "priority": str(view.priority or "")}


@router.post("/triggers/new")
async def begin(request: Request, context: Ctx, act: Acting) -> Response:
    """Start the run, or show what is wrong with what was typed."""
    typed = {name: act.form.text(name) for name in TEXTS}
    key = act.form.text("key") or uuid4().hex
    try:
        wanted = read_request(act.form)
    except InvalidInput as error:
        return _form(request, act.visitor, typed, key, [str(fault) for fault in error.faults])
    told = context.engine.audit.add(act.caller.audited("trigger.start", wanted.pipeline))
    try:
        (accepted,) = await start(context, act.caller, Requests(triggers=[wanted], many=False), key, [told])
    except Conflict:
        return _form(request, act.visitor, typed, uuid4().hex, [SENT_BEFORE])
    said = f"A run of {wanted.pipeline} is on its way." if accepted.new else "It was asked for already; here it is."
    return done(request, f"/triggers/{accepted.trigger.id}", said)


def _form(
    request: Request, visitor: Visitor, typed: Mapping[str, str], key: str, faults: list[str] | None = None
) -> Response:
    status = 422 if faults else 200
    return render(request, visitor, "triggerstart.html", status=status, typed=typed, key=key, faults=faults or [])


def read_request(form: Form) -> TriggerRequest:
    """Read what was typed, as the API reads a request. Raises InvalidInput with every fault."""
    faults: list[Fault] = []
    words: dict[str, Any] = {
        name: form.text(name) for name in ("pipeline", "template", "snapshot", "project") if form.text(name)
    }
    for name, read in (("config", _config), ("priority", _priority), ("not_before", _not_before)):
        try:
            words |= {name: read(form.text(name))} if form.text(name) else {}
        except InvalidInput as error:
            faults.extend(error.faults)
    try:
        request = parse_request(words)
    except InvalidInput as error:
        raise InvalidInput([*error.faults, *faults]) from None
    if faults:
        raise InvalidInput(faults)
    return request


def _config(text: str) -> dict[str, Any]:
    value = read_document(text.encode(), "config").value
    if not isinstance(value, dict):
        raise InvalidInput([Fault(path="config", message="has to be a mapping, such as steps: {…}")])
    return value


def _priority(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidInput([Fault(path="priority", message=f'"{text}" is not a whole number')]) from None


def _not_before(text: str) -> Any:
    try:
        return read_moment(text, "UTC")
    except InvalidInput as error:
        raise InvalidInput([Fault(path="not_before", message=str(error))]) from None
