"""Who calls, and what of it is allowed."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, Request

from worker.api.context import Context, Ctx
from worker.api.problems import request_id
from worker.domain.access import EVERYTHING, Area, Grants
from worker.domain.errors import Unknown
from worker.engine.enqueue import Asker
from worker.engine.keyring import MISSING
from worker.engine.refusing import Call
from worker.store.audit import Audited

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")

OWN_NAME = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
"""What the header Host has to be: nothing that one reader takes for this machine, and another for somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls. Without a name it is somebody on this machine, while no key was ever made."""

    context: Context
    call: Call
    grants: Grants

    @property
    def name(self) -> str:
        """Name the API key; "" without one."""
        return self.call.who

    @property
    def title(self) -> str:
        """Name the caller in a sentence."""
        return self.name or "api"

    @property
    def asker(self) -> Asker:
        """Who asks, as a trigger's record tells it."""
        return Asker(name=self.name, address=self.call.address)

    def own(self, key: str) -> str:
        """Give what ids are derived from: an idempotency key means nothing to other callers."""
        return f"{self.name}:{key}" if self.name else key

    async def check(self, area: Area) -> None:
        """See that the caller may do such things. Raises CallRefused."""
        if not self.grants.may(area):
            raise await self._denied(area.value)

    def may_trigger(self, pipeline: str, project: str | None) -> bool:
        """Tell whether the caller may start runs of a pipeline."""
        return self.grants.may_trigger(pipeline, project, self.context.engine.settings.zenml_project)

    async def check_trigger(self, pipeline: str, project: str | None) -> None:
        """See that the caller may start runs of a pipeline. Raises CallRefused."""
        if not self.may_trigger(pipeline, project):
            raise await self._denied(f"trigger:{project}/{pipeline}" if project else f"trigger:{pipeline}")

    async def check_seeing(self, pipeline: str, project: str | None, otherwise: Unknown) -> None:
        """See that the caller may look at triggers of a pipeline. For who may not, there is none: raises `otherwise`.

        An id is made of a key's name and an idempotency key, so that others could find out whether it was used.
        """
        if not self.may_trigger(pipeline, project) and not self.grants.may(Area.READ):
            await self._denied(Area.READ.value)  # told to the audit log alone
            raise otherwise

    def audited(self, action: str, what: str, *, before: str = "", after: str = "", reason: str = "") -> Audited:
        """Give the entry of the audit log for a change that the caller makes."""
        return Audited(
            at=self.context.engine.clock(),
            action=action,
            what=what,
            who=self.title,
            key_id=self.call.key_id,
            address=self.call.address,
            request_id=self.call.request_id,
            before=before,
            after=after,
            reason=reason,
        )

    async def _denied(self, wanted: str) -> Exception:
        return await self.context.keyring.refusing.denied(self.call, f"the key {self.name} has not the scope {wanted}")


def call_of(request: Request) -> Call:
    """Tell where a request comes from, and what it asks for."""
    return Call(
        address=request.client.host if request.client else "",
        what=f"{request.method} {request.url.path}",
        request_id=request_id(request),
    )


async def _caller(request: Request, context: Ctx) -> Caller:
    call = call_of(request)
    key = await context.keyring.admit(_presented(request), call)
    if key is not None:
        request.state.caller = key.name  # for the line in the log
        return Caller(
            context=context, call=replace(call, who=key.name, key_id=key.id), grants=Grants(scopes=key.scopes)
        )
    if not at_home(request):
        raise await context.keyring.refusing.without(call, MISSING)
    return Caller(context=context, call=call, grants=EVERYTHING)


Called = Annotated[Caller, Depends(_caller)]
"""A route's parameter, where the route itself sees to what is allowed."""


async def shown(request: Request, context: Ctx) -> None:
    """See that a caller has a key, whatever it opens, once there is one: what describes us is not for strangers."""
    if await context.keyring.closed():
        await _caller(request, context)


def needs(area: Area) -> Callable[[Caller], Awaitable[Caller]]:
    """Make the dependency of a route that only some may call."""

    async def allowed(caller: Called) -> Caller:
        await caller.check(area)
        return caller

    return allowed


Reader = Annotated[Caller, Depends(needs(Area.READ))]
Operator = Annotated[Caller, Depends(needs(Area.OPERATE))]
Admin = Annotated[Caller, Depends(needs(Area.ADMIN))]


def _presented(request: Request) -> str | None:
    """Give the key that came with a request: as a bearer token, as `X-Api-Key`, or as a password, for browsers."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return _password(value)
    if scheme:
        return value.strip()
    return request.headers.get("x-api-key")


def _password(encoded: str) -> str:
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password or user


def at_home(request: Request) -> bool:
    """Tell whether a request comes from this machine, and not through a proxy or a page of somebody else's."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        loopback = ip_address(request.client.host).is_loopback
    except ValueError:
        return False
    return loopback and OWN_NAME.fullmatch(request.headers.get("host", "").lower()) is not None
