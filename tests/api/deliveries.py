"""What the examples of hooks are sent, and what has to come of each delivery."""

import base64
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from worker.domain.signatures import Scheme, sign
from worker.engine.runtime import clock

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "hooks"
PAYLOADS = Path(__file__).parent / "payloads"

SECRET = "a long random secret"
WHSEC = f"whsec_{base64.b64encode(b'thirty-two bytes of random stuff').decode()}"


@dataclass(frozen=True, kw_only=True)
class Case:
    """An example, a payload, and what has to come of it."""

    file: str
    hook: str
    scheme: Scheme
    payload: str
    key: str
    pipeline: str
    parameters: dict[str, Any]
    tags: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def secret(self) -> str:
        return WHSEC if self.scheme is Scheme.STANDARD else SECRET

    @property
    def body(self) -> bytes:
        return (PAYLOADS / self.payload).read_bytes()

    def signed(self, body: bytes | None = None, secret: str = "", ago: timedelta = timedelta(), **more: str) -> Any:
        body = self.body if body is None else body
        made = sign(self.scheme, secret or self.secret, body, now=clock() - ago, identity=more.get("identity", "d-1"))
        return {"content": body, "headers": {**self.headers, **made}}


COMMIT = "7d2f1c0b9a8e4f3d2c1b0a9f8e7d6c5b4a392817"
CASES = [
    Case(
        file="github.yaml",
        hook="github-main",
        scheme=Scheme.GITHUB,
        payload="github-push.json",
        headers={"X-GitHub-Event": "push", "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"},
        key=f"hook:github-main:{COMMIT}",
        pipeline="training",
        parameters={"model_trainer": {"model_type": "rf", "data_date": "2026-11-25", "epochs": 10}},
        tags=(f"commit:{COMMIT}", "by:octocat"),
    ),
    Case(
        file="minio.yaml",
        hook="new-objects",
        scheme=Scheme.BEARER,
        payload="minio-put.json",
        key="hook:new-objects:incoming/2026%2Fsales+of+may.csv#17B1A7F3A91C2D4E",
        pipeline="etl",
        parameters={"extract": {"source": "s3://incoming/2026/sales of may.csv"}},
        tags=("bucket:incoming",),
    ),
    Case(
        file="mlflow.yaml",
        hook="new-model",
        scheme=Scheme.MLFLOW,
        payload="mlflow-model-version-created.json",
        key="hook:new-model:churn/7",
        pipeline="scoring",
        parameters={"scorer": {"data_date": "2026-11-25"}},
        tags=("model:churn", "version:7"),
    ),
    Case(
        file="stripe.yaml",
        hook="paid",
        scheme=Scheme.STRIPE,
        payload="stripe-invoice-paid.json",
        key="hook:paid:evt_1NG8Du2eZvKYlo2CUI79vXWy",
        pipeline="etl",
        parameters={"extract": {"source": "stripe:in_1MtHbELkdIwHu7ixl4OzzPMv"}},
    ),
    Case(
        file="zenml.yaml",
        hook="trained",
        scheme=Scheme.STANDARD,
        payload="zenml-succeeded.json",
        key="hook:trained:b3f6a7de-2c1f-4f0e-9d0c-2f6d6f7a9e10",
        pipeline="scoring",
        parameters={"scorer": {"data_date": "2026-11-25"}},
        tags=("upstream:b3f6a7de-2c1f-4f0e-9d0c-2f6d6f7a9e10",),
    ),
]
GITHUB, MINIO, MLFLOW, STRIPE, ZENML = CASES

examples = pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
