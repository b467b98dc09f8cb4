"""The words of a hook."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from worker.domain.duration import format_duration
from worker.domain.hook import LONGEST_NAME, RATE, TOLERANCE
from worker.source.fields import Length, Strict
from worker.source.targetmodel import TargetEntry

_RATE = re.compile(r"\s*([1-9][0-9]{0,6})\s*/\s*(s|min|h)\s*")
_HEADER = re.compile(r"^[A-Za-z0-9-]{1,64}$")
_MINUTES = {"s": 60, "min": 1, "h": 1 / 60}


def _rate(value: object) -> int:
    if value == "none":
        return 0
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("has to be a number of deliveries and a length of time, such as 600/min, or none")
    return max(1, round(int(found[1]) * _MINUTES[found[2]]))


def _header(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise ValueError(f'"{value}" is no name of a header; write one such as X-Gitea-Signature')
    return value


Rate = Annotated[
    int,
    PlainValidator(_rate),
    WithJsonSchema({"type": "string", "pattern": r"^(none|[1-9][0-9]*/(s|min|h))$", "examples": ["600/min", "none"]}),
]
HookName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=LONGEST_NAME)]
HeaderName = Annotated[str, AfterValidator(_header), WithJsonSchema({"type": "string", "pattern": _HEADER.pattern})]
Expression = Annotated[str, Field(min_length=1, max_length=4096)]


class HookEntry(TargetEntry, Strict):
    """What is started when another system sends a signed webhook to /hooks/<name>."""

    name: HookName = Field(description="Unique over all files; the address is /hooks/<name>.")
    signature: Literal["github", "stripe", "standard", "mlflow", "plain", "bearer"] = Field(
        description="How the sender signs. github: X-Hub-Signature-256. stripe: Stripe-Signature. standard: Standard "
        "Webhooks. mlflow: X-MLflow-Signature. plain: an HMAC-SHA256 of the body. bearer: the secret itself as a token."
    )
    header: HeaderName | None = Field(
        None, description="Where the signature (plain) or the secret (bearer) is: X-Signature, Authorization."
    )
    tolerance: Length | None = Field(
        None,
        description="How old a delivery may be; for stripe, standard and mlflow, which sign the time. "
        f"Default: {format_duration(TOLERANCE)}.",
    )
    payload_schema: str | dict[str, Any] | None = Field(
        None, alias="schema", description="A JSON Schema of the payload: a file in this folder, or the schema itself."
    )
    when: Expression | None = Field(
        None, description="An expression that is true for what shall start a run; the rest is answered and ignored."
    )
    each: Expression | None = Field(
        None, description="An expression that gives a list, such as {{ payload.Records }}: one run for each item."
    )
    idempotency_key: Expression | None = Field(
        None,
        description="What tells one event from another, such as {{ payload.id }}; what comes again with a key starts "
        "nothing. Default: the signed id of the delivery, or else a hash of the body.",
    )
    not_before: Expression | None = Field(
        None, description="When the run may start at the earliest: a time with an offset, mostly an expression."
    )
    rate: Rate | None = Field(
        None, description=f"How many deliveries it takes, such as 600/min; none: any number. Default: {RATE}/min."
    )
