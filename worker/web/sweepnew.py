"""`/sweeps/new`: begin a sweep, one of the schedule files or one that is written here, with its plan before."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from worker.api.context import Context, Ctx
from worker.api.sweepbegins import Ready, begin_it, examine, plan_of
from worker.api.sweeps import read_seen
from worker.api.sweepshapes import SweepPlan
from worker.domain.access import Area
from worker.domain.errors import Conflict, Fault, InvalidInput
from worker.domain.schedule import SweepDefinition
from worker.domain.shortnames import short_names
from worker.engine.definitions import as_written
from worker.engine.sweeping import read_sweep
from worker.source.sweeptext import SweepText, read_sweep_text
from worker.store.sweeprows import Kind
from worker.web.forms import Form
from worker.web.pages import PageRoute, done, render
from worker.web.visits import Acting, Visit, Visitor
from worker.web.words import as_yaml

router = APIRouter(prefix="/sweeps/new", include_in_schema=False, route_class=PageRoute)

EXAMPLE = """\
name: learning-rate
pipeline: training
method: random            # grid, random, sobol, lhs, bayes or list
run_cap: 12
seed: 7                   # the same seed gives the same trials
max_parallel: 4
metric: {name: accuracy, goal: maximize}
parameters:
  # A dotted name leads into the run configuration.
  steps.model_trainer.parameters.lr:
    distribution: log_uniform_values
    min: 0.0001
    max: 0.1
  steps.model_trainer.parameters.epochs: {min: 1, max: 5}
"""

MOST_TEXT = 262_144
"""Characters of a definition. Larger ones stand in a file."""

CHANGED = "the definition in the schedule files was changed meanwhile; this is its plan now"


@router.get("")
async def ask(request: Request, context: Ctx, visitor: Visit, name: str = "", like: str = "") -> Response:
    """Show the form: empty, with a name, or with the definition of another sweep."""
    text = await _text_like(context, visitor, like) if like else EXAMPLE
    return await _page(request, context, visitor, name=name, text=text)


async def _text_like(context: Context, visitor: Visitor, identity: str) -> str:
    row = await read_sweep(context.engine, identity)
    data = await read_seen(context, visitor.caller, row)
    if row.kind is Kind.BACKFILL:
        raise Conflict("a backfill has no definition to begin a sweep with")
    return as_yaml(as_written(data))


@router.post("")
async def plan_or_begin(request: Request, context: Ctx, act: Acting) -> Response:
    """Show what it would run; or begin what was planned, once for each plan."""
    form, visitor = act.form, act.visitor
    name, text = form.text("name"), _written(form)
    written: SweepText | None = None
    try:
        if not name:
            written = _read(text)
        ready = await examine(context, act.caller, {"name": name} if written is None else written.words)
        if form.text("do") != "begin" or form.text("planned") != ready.fingerprint:
            changed = [Fault(message=CHANGED)] if form.text("do") == "begin" else []
            plan = await plan_of(context, ready)
            return await _page(request, context, visitor, name=name, text=text, plan=plan, ready=ready, faults=changed)
        begun, _ = await begin_it(context, act.caller, ready, form.text("key") or uuid4().hex)
    except InvalidInput as error:
        faults = [written.placed(fault) for fault in error.faults] if written else list(error.faults)
        return await _page(request, context, visitor, status=422, name=name, text=text, faults=faults)
    trials = f"{begun.trials:,} trial{'' if begun.trials == 1 else 's'}"
    return done(request, f"/sweeps/{begun.id}", f"{begun.name} is begun: {trials}, recorded little by little.")


def _written(form: Form) -> str:
    # As it is, for the space in front counts in YAML; but forms send CRLF.
    return "".join(form.texts("text")[-1:]).replace("\r\n", "\n")


def _read(text: str) -> SweepText:
    if len(text) > MOST_TEXT:
        raise InvalidInput(f"the definition has more than {MOST_TEXT:,} characters; put it into a schedule file")
    return read_sweep_text(text)


async def _page(
    request: Request,
    context: Context,
    visitor: Visitor,
    *,
    status: int = 200,
    name: str = "",
    text: str = "",
    plan: SweepPlan | None = None,
    ready: Ready | None = None,
    faults: list[Fault] | None = None,
) -> Response:
    lines = text.split("\n")
    return render(
        request,
        visitor,
        "sweepnew.html",
        status=status,
        names=await _names(context, visitor),
        name=name,
        text=text or EXAMPLE,
        plan=plan,
        columns=_columns(plan),
        planned=ready.fingerprint if ready else "",
        key=uuid4().hex,
        faults=[
            (fault, lines[fault.line - 1] if 0 < fault.line <= len(lines) else "")
            for fault in sorted(faults or [], key=lambda fault: (fault.line, fault.column))
        ],
    )


def _columns(plan: SweepPlan | None) -> Mapping[str, str]:
    """Give the parameters of the first trials, with their short names."""
    return short_names(list(dict.fromkeys(name for trial in plan.first for name in trial.params))) if plan else {}


async def _names(context: Context, visitor: Visitor) -> list[Any]:
    """Give the sweeps of the files that may be begun by who looks."""
    definitions = await context.book.read()
    return sorted(each.name for each in definitions.sweeps if _may_begin(visitor, each))


def _may_begin(visitor: Visitor, definition: SweepDefinition) -> bool:
    target = definition.target
    return visitor.may(Area.OPERATE) or visitor.caller.may_trigger(target.pipeline, target.project)
