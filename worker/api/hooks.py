"""`/hooks/{name}`: signed webhooks of other systems. No API key is needed: the signature says who calls."""

import asyncio
import logging
import re
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from worker.api.accepting import take_in
from worker.api.access import call_of
from worker.api.context import Context, Ctx
from worker.api.problems import BadRequest
from worker.api.triggershapes import Queued
from worker.domain.errors import CallRefused, InvalidInput, Unknown
from worker.domain.hook import Hook
from worker.domain.signatures import MISMATCH, Signed, check_age
from worker.domain.trigger import Origin
from worker.engine.enqueue import Asker
from worker.engine.hooking import Received, authenticate, is_open, read
from worker.engine.refusing import ONCE, Call
from worker.store.audit import Audited, Result

logger = logging.getLogger("zenbeat.hooks")

router = APIRouter(prefix="/hooks", tags=["hooks"])

LONG_BODY = 64 * 1024
"""Bytes; a longer one is read beside the event loop, so that others need not wait for it."""

_WORDS_OF_PYTHON = re.compile(r"(the expression fails): .*", re.DOTALL)
"""They may quote the payload, which is no business of the log's."""

BODY: dict[str, Any] = {
    "security": [],
    "requestBody": {
        "required": True,
        "description": "What the other system sends, signed as the hook's definition says.",
        "content": {"application/json": {"schema": {}, "example": {"ref": "refs/heads/main"}}},
    },
}


class HookQueued(BaseModel):
    """The runs that a delivery asked for. The same for every repetition of the delivery."""

    triggers: list[Queued]


class HookIgnored(BaseModel):
    """A delivery that was understood, and starts nothing."""

    ignored: str = Field(description="Why.", examples=["when is false", "a ping"])


@router.post(
    "/{name}",
    status_code=202,
    response_model=HookQueued,
    responses={200: {"model": HookIgnored, "description": "It was understood, and starts nothing."}},
    openapi_extra=BODY,
)
async def receive_delivery(
    request: Request,
    response: Response,
    context: Ctx,
    name: Annotated[str, Path(max_length=200, description="Name of the hook, as in the schedule files.")],
) -> Any:
    """Take a signed webhook, and queue the runs that its hook makes of it.

    `202` is sent when they are on record. A delivery that comes again is answered alike, and starts nothing more.
    """
    call = call_of(request)
    hook, secrets = await _find(context, name)
    body = await _body(request, context.engine.settings.api_body_max)
    headers = dict(request.headers)
    call, signed = await _authenticated(context, hook, secrets, headers, body, call)
    await context.keyring.refusing.check_rate(f"hook:{hook.name}", hook.rate, call)
    received = await _read(context, hook, headers, body, signed, call)
    if not received.requests:
        response.status_code = 200
        return Response(HookIgnored(ignored=received.ignored).model_dump_json(), media_type="application/json")
    wanted = [(each, each.idempotency_key or "") for each in received.requests]
    asker = Asker(name=call.who, address=call.address)
    return HookQueued(triggers=await take_in(context, response, Origin.EVENT, wanted, asker))


async def _find(context: Context, name: str) -> tuple[Hook, tuple[str, ...]]:
    """Find a hook that somebody can sign for. To callers, one without a secret is not there."""
    hook = next((one for one in (await context.book.read()).hooks if one.name == name), None)
    secrets = context.engine.settings.signed_with.get(name, ())
    if hook is not None and is_open(hook, secrets):
        return hook, secrets
    if hook is not None and await context.engine.throttles.first(f"hook:{name}:closed", ONCE):
        logger.warning("hook without a secret", extra={"hook": name, "hint": "set ZENBEAT_HOOK_SECRETS"})
    raise Unknown("there is no such hook")


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise BadRequest(413, "too-large", f"the body is larger than {most} bytes")
    return bytes(body)


async def _authenticated(
    context: Context, hook: Hook, secrets: tuple[str, ...], headers: dict[str, str], body: bytes, call: Call
) -> tuple[Call, Signed]:
    """See who has sent it. What is signed well passes also from an address that is locked out.

    Many send from the addresses of GitHub or of Stripe: a stranger's wrong signatures must not lock out the others.
    """
    refusing = context.keyring.refusing
    try:
        signed = authenticate(hook, secrets, headers, body)
    except CallRefused as error:
        await refusing.check_address(call)
        raise await refusing.wrong(call, str(error), "" if str(error) != MISMATCH else "wrong signature") from None
    known = replace(call, who=f"hook:{hook.name}")
    try:
        check_age(signed, context.engine.clock(), hook.tolerance)
    except CallRefused as error:
        raise await refusing.stale(replace(known, key_id=known.who), str(error), str(error)) from None
    return known, signed


async def _read(
    context: Context, hook: Hook, headers: dict[str, str], body: bytes, signed: Signed, call: Call
) -> Received:
    try:
        if len(body) > LONG_BODY:
            return await asyncio.to_thread(read, hook, headers, body, signed)
        return read(hook, headers, body, signed)
    except InvalidInput as error:
        await _tell(context, call, error)
        raise


async def _tell(context: Context, call: Call, error: InvalidInput) -> None:
    """Let the operator know of an event that came to nothing, once a minute for each hook."""
    reason = "; ".join(_WORDS_OF_PYTHON.sub(r"\1", str(fault)) for fault in error.faults)
    logger.warning("delivery not usable", extra={"hook": call.who, "reason": reason})
    if await context.engine.throttles.first(f"unusable:{call.who}", ONCE):
        entry = Audited(
            at=context.engine.clock(),
            action="hook.unusable",
            what=call.what,
            who=call.who,
            address=call.address,
            result=Result.REFUSED,
            reason=reason,
            request_id=call.request_id,
        )
        await context.engine.audit.tell(entry)
