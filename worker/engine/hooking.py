"""From a delivery of a webhook to the triggers that it asks for. What is signed decides; the same gives the same."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from worker.domain.errors import Fault, InvalidInput
from worker.domain.hook import LONGEST_KEY, MOST_ITEMS, Hook
from worker.domain.jsonvalues import describe
from worker.domain.signatures import SECRET_HEADERS, Scheme, Signed, check_age, keys_of, verify
from worker.engine.planner import render
from worker.engine.requests import TriggerRequest, parse_request
from worker.render import RenderError, compile_config
from worker.render.payload import payload_schema

FORM = b"payload="
"""What a body begins with that GitHub sends as a form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a delivery asks for: triggers, or nothing, and then `ignored` says why."""

    requests: tuple[TriggerRequest, ...] = ()
    ignored: str = ""


def is_open(hook: Hook, secrets: Sequence[str]) -> bool:
    """Tell whether there is a secret to check deliveries of a hook with; without one nothing is let in."""
    return bool(keys_of(hook.signature, secrets))


def authenticate(hook: Hook, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Signed:
    """Check who has sent a delivery. Raises CallRefused."""
    return verify(hook.signature, secrets, headers, body, header=hook.header)


def receive(hook: Hook, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> Received:
    """Check a delivery, and read what it asks for; the names of `headers` are in small letters.

    Raises CallRefused for a signature that does not fit or is too old, InvalidInput for a payload that cannot be used.
    """
    signed = authenticate(hook, secrets, headers, body)
    check_age(signed, now, hook.tolerance)
    return read(hook, headers, body, signed)


def read(hook: Hook, headers: Mapping[str, str], body: bytes, signed: Signed) -> Received:
    """Read what a delivery asks for whose signature fits. Raises InvalidInput with every fault."""
    if hook.signature is Scheme.GITHUB and headers.get("x-github-event") == "ping":
        return Received(ignored="a ping")
    payload = _payload(hook, body)
    context = {"payload": payload, "headers": _visible(headers, hook), "hook": _named(hook)}
    if not _wanted(hook, context):
        return Received(ignored="when is false")
    items = _items(hook, context)
    if items is None:
        return Received(requests=(_request(hook, context, _origin(signed, body)),))
    made = _requests(hook, context, items, _origin(signed, body))
    return Received(requests=made, ignored="" if made else "each gives an empty list")


def _payload(hook: Hook, body: bytes) -> Any:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        form = "; it is a form: let the sender send application/json" if body.startswith(FORM) else ""
        raise InvalidInput(f"the body is not JSON: {error}{form}") from None
    if hook.schema and (faults := payload_schema(hook.schema).faults(payload)):
        raise InvalidInput(faults)
    return payload


def _visible(headers: Mapping[str, str], hook: Hook) -> dict[str, str]:
    """Leave out what holds secrets, so that no configuration carries it along."""
    hidden = SECRET_HEADERS | {hook.header}
    return {name: value for name, value in headers.items() if name not in hidden}


def _named(hook: Hook) -> dict[str, str]:
    return {"name": hook.name, "pipeline": hook.target.pipeline}


def _wanted(hook: Hook, context: Mapping[str, Any]) -> bool:
    if not hook.when:
        return True
    value = _value(hook, "when", hook.when, context)
    if not isinstance(value, bool):
        raise _fault(hook, f"when gives {describe(value)}, not true or false; compare it with something")
    return value


def _items(hook: Hook, context: Mapping[str, Any]) -> list[Any] | None:
    """Give the items of a delivery; None where it is one event."""
    if not hook.each:
        return None
    value = _value(hook, "each", hook.each, context)
    if not isinstance(value, list):
        raise _fault(hook, f"each gives {describe(value)}, not a list")
    if len(value) > MOST_ITEMS:
        raise _fault(hook, f"each gives {len(value)} items, and {MOST_ITEMS} are possible")
    return value


def _requests(hook: Hook, context: Mapping[str, Any], items: Sequence[Any], origin: str) -> tuple[TriggerRequest, ...]:
    made: dict[str | None, TriggerRequest] = {}
    for number, item in enumerate(items, start=1):
        request = _request(hook, {**context, "item": item}, origin, number)
        known = made.setdefault(request.idempotency_key, request)
        # What a sender tells twice in one delivery is one event.
        if known != request:
            raise _fault(hook, f"two items have the idempotency_key {request.idempotency_key}, and differ")
    return tuple(made.values())


def _request(hook: Hook, context: Mapping[str, Any], origin: str, number: int = 0) -> TriggerRequest:
    target = hook.target
    try:
        config = render(target, context)
    except RenderError as error:
        raise _fault(hook, *(f"config.{fault}" for fault in error.faults)) from error
    values: dict[str, Any] = {
        "pipeline": target.pipeline,
        "template": target.template,
        "snapshot": target.snapshot,
        "project": target.project,
        "priority": hook.priority,
        "config": _named_safely(config),
        "idempotency_key": f"hook:{hook.name}:{_key(hook, context, origin, number)}",
    }
    if hook.not_before:
        values["not_before"] = _value(hook, "not_before", hook.not_before, context)
    try:
        return parse_request(values)
    except InvalidInput as error:
        raise _fault(hook, *map(str, error.faults)) from error


def _named_safely(config: dict[str, Any]) -> dict[str, Any]:
    """Take braces out of a run's name: ZenML would read them as placeholders, and a branch may be called anything."""
    name = config.get("run_name")
    return {**config, "run_name": re.sub(r"[{}]+", "-", name)} if isinstance(name, str) else config


def _key(hook: Hook, context: Mapping[str, Any], origin: str, number: int) -> str:
    """Give what tells this event from others: the same for the same, whoever sends it again."""
    key, text = origin, hook.idempotency_key
    if text:
        value = _value(hook, "idempotency_key", text, context)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value == "":
            raise _fault(hook, f"idempotency_key gives {describe(value) if value != '' else 'nothing'}, not a text")
        key = str(value)
    if number and "item" not in compile_config({"key": text}).names:
        key = f"{key}#{number}"
    return key if len(key) <= LONGEST_KEY else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _origin(signed: Signed, body: bytes) -> str:
    return signed.identity or hashlib.sha256(body).hexdigest()


def _value(hook: Hook, word: str, text: str, context: Mapping[str, Any]) -> Any:
    try:
        return compile_config({word: text}).render(context)[word]
    except RenderError as error:
        raise _fault(hook, *map(str, error.faults)) from error


def _fault(hook: Hook, *sentences: str) -> InvalidInput:
    """Say what went wrong with a hook's own words: it is no fault of the payload's place, so it has no path."""
    return InvalidInput([Fault(message=f"hook {hook.name}: {sentence}") for sentence in sentences])
