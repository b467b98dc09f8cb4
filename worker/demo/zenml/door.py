"""What lies around every endpoint: who asks, the Idempotency-Key, the latency, and refusals as answers."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from worker.demo.zenml.refusals import Malformed, Refusal, fault
from worker.demo.zenml.state import DemoState
from worker.demo.zenml.versions import IDEMPOTENCY_KEY

Handler = Callable[[Request], Awaitable[Response]]


class Door:
    """Turns handlers into endpoints. A handler may raise Refusal, Malformed and HTTPException."""

    def __init__(self, state: DemoState) -> None:
        self._state = state

    def open(self, handler: Handler) -> Handler:
        """Make an endpoint for everybody."""

        async def endpoint(request: Request) -> Response:
            return await self._carry_out(handler, request)

        return endpoint

    def guarded(self, handler: Handler) -> Handler:
        """Make an endpoint for who has logged in."""

        async def endpoint(request: Request) -> Response:
            try:
                self._admit(request)
                # Read at once: the work goes on when the one who asked has gone.
                await request.body()
            except Refusal as refusal:
                return refusal.response(request)
            except HTTPException as error:
                return _plain(error)
            except ClientDisconnect:
                return Response(status_code=400)
            return await self._once(partial(self._carry_out, handler, request), request)

        return endpoint

    async def _once(self, work: Callable[[], Awaitable[Response]], request: Request) -> Response:
        key = request.headers.get("idempotency-key")
        if key is None or self._state.version < IDEMPOTENCY_KEY:
            return await work()
        return await self._state.replays.answer(key, f"{request.method} {request.url}", work)

    async def _carry_out(self, handler: Handler, request: Request) -> Response:
        await asyncio.sleep(self._state.options.latency)
        try:
            return await handler(request)
        except Refusal as refusal:
            return refusal.response(request)
        except Malformed as malformed:
            return malformed.response()
        except HTTPException as error:
            return _plain(error)

    def _admit(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
        self._state.login.admit(token)


async def read_json(request: Request) -> Any:
    """Read the body: None if there is none, bytes if it does not claim to be JSON. Raises Malformed."""
    content = await request.body()
    if not content:
        return None
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        return content
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise Malformed(fault("json_invalid", ("body", error.pos), "JSON decode error", {}, error=error.msg)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(400, "There was an error parsing the body") from error


def _plain(error: HTTPException) -> Response:
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
