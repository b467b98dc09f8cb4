"""The demo's own routes: the page for people, faults and ends on demand."""

import json
import logging
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from worker.demo.zenml.faults import Fault, WrongFault
from worker.demo.zenml.page import CONTENT_POLICY, render
from worker.demo.zenml.runshapes import RunShapes
from worker.demo.zenml.state import DemoState, WrongEnd

logger = logging.getLogger("zenbeat.demo")


class Own:
    """Handlers that ZenML does not have."""

    def __init__(self, state: DemoState, run_shapes: RunShapes) -> None:
        self._state = state
        self._run_shapes = run_shapes

    async def page(self, request: Request) -> Response:
        """Show the page for people; a link to a run leads to that run."""
        run = self._state.runs.get(request.path_params["run_id"]) if "run_id" in request.path_params else None
        page = render(self._state, self._run_shapes, run)
        return HTMLResponse(page, headers={"Content-Security-Policy": CONTENT_POLICY})

    async def end_run(self, request: Request) -> Response:
        """End a run now: `{"status": "failed", "reason": "out of memory"}`."""
        if not _is_json(request):
            return JSONResponse({"error": "send the end as application/json"}, 415)
        try:
            told = json.loads(await request.body())
            if not isinstance(told, dict) or not isinstance(told.get("reason"), str | None):
                raise WrongEnd('an end is a mapping with a "status" and perhaps a "reason"')
            run = self._state.end(request.path_params["run_id"], str(told.get("status")), reason=told.get("reason"))
        except KeyError:
            return JSONResponse({"error": "there is no such run"}, 404)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)
        logger.info("demo: run ended on request", extra={"run": run.name, "status": run.course.end})
        return JSONResponse({"id": str(run.id), "status": run.course.end})

    async def faults(self, _: Request) -> Response:
        """List the faults that wait."""
        return JSONResponse([_shown(fault, left) for fault, left in self._state.faults.armed()])

    async def add_fault(self, request: Request) -> Response:
        """Arm a fault: `{"kind": …, "times": 1, "match": "POST .*/runs", …}`; the fields are those of Fault."""
        if not _is_json(request):
            return JSONResponse({"error": "send the fault as application/json"}, 415)
        try:
            details = json.loads(await request.body())
            if not isinstance(details, dict) or not isinstance(details.get("kind"), str):
                raise WrongFault('a fault is a mapping with a "kind"')
            fault = self._state.faults.add(**details)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)
        logger.info("demo: fault armed", extra={"kind": fault.kind.value, "match": fault.match, "times": fault.times})
        return JSONResponse(_shown(fault, fault.times), 201)

    async def clear_faults(self, _: Request) -> Response:
        """Disarm all faults."""
        self._state.faults.clear()
        return JSONResponse([])

    async def fallback(self, request: Request) -> Response:
        """Answer what there is no route for, as ZenML with its dashboard does: a page, 404 or 405."""
        if request.method != "GET":
            return JSONResponse({"detail": "Method Not Allowed"}, 405)
        if request.url.path.startswith("/api/"):
            return JSONResponse({"detail": "Not Found"}, 404)
        return await self.page(request)


def _is_json(request: Request) -> bool:
    # JSON only, so that no page of another site can send it without being asked first.
    return request.headers.get("content-type", "").startswith("application/json")


def _shown(fault: Fault, left: int) -> dict[str, object]:
    return {**asdict(fault), "left": left}
