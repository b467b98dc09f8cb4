"""`/healthz`, `/readyz` and `/metrics`: for probes and Prometheus, outside of `/api/v1`."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from worker.api.access import Reader
from worker.api.context import Context, Ctx
from worker.engine.exposition import MEDIA_TYPE, as_text
from worker.engine.fresh import Fresh
from worker.engine.metrics import collect
from worker.engine.readiness import OK, read_readiness

KEPT_SECONDS = 2.0
"""Whoever probes more often gets the same answer: what anybody may ask for has to cost nothing."""

router = APIRouter(tags=["health"])


class Healthy(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """What has to be there for a trigger to be started."""

    status: Literal["ready", "not ready"]
    checks: dict[str, str] = Field(
        description="`redis`, `beat` and `worker`: `ok`, or what is wrong.",
        examples=[{"redis": "ok", "beat": "ok", "worker": "none is alive"}],
    )


class Gauges:
    """What the probes are answered with, each read once for all who ask within a moment."""

    def __init__(self, context: Context) -> None:
        async def figures() -> str:
            definitions = await context.book.read()
            return as_text(await collect(context.engine, definitions.schedules))

        async def readiness() -> dict[str, str]:
            return await read_readiness(context.engine)

        self.figures = Fresh(figures, KEPT_SECONDS)
        self.readiness = Fresh(readiness, KEPT_SECONDS)


def _gauges(request: Request) -> Gauges:
    gauges: Gauges = request.app.state.gauges
    return gauges


Kept = Annotated[Gauges, Depends(_gauges)]

OPEN: dict[str, Any] = {"security": []}
"""Asked without a key."""


@router.get("/healthz", response_model=Healthy, openapi_extra=OPEN)
async def healthz() -> Any:
    """Tell whether this process answers. It asks nobody else: that Redis is away is no reason to restart us."""
    return Healthy()


@router.get(
    "/readyz", response_model=Ready, openapi_extra=OPEN, responses={503: {"model": Ready, "description": "Not ready."}}
)
async def readyz(response: Response, gauges: Kept) -> Any:
    """Tell whether what is queued now would be started: Redis answers, a beat leads, a worker is alive."""
    checks = await gauges.readiness.get()
    if all(check == OK for check in checks.values()):
        return Ready(status="ready", checks=checks)
    response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Ready(status="not ready", checks=checks)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Figures."}},
)
async def metrics(context: Ctx, _: Reader, gauges: Kept) -> Response:
    """Give the figures of the installation and of this process, in Prometheus' text format."""
    return Response(await gauges.figures.get() + context.counters.text(), media_type=MEDIA_TYPE)
