"""Asks a zenbeat server for runs of ZenML pipelines, each exactly once however often it has to ask."""

from zenbeat_client.client import Zenbeat
from zenbeat_client.errors import (
    Conflict,
    Fault,
    InvalidRequest,
    NotFound,
    NotLetIn,
    Refused,
    Unavailable,
    ZenbeatError,
)
from zenbeat_client.results import Event, Queued, Schedule, Trigger
from zenbeat_client.retrying import Retry

__all__ = [
    "Conflict",
    "Event",
    "Fault",
    "InvalidRequest",
    "NotFound",
    "NotLetIn",
    "Queued",
    "Refused",
    "Retry",
    "Schedule",
    "Trigger",
    "Unavailable",
    "Zenbeat",
    "ZenbeatError",
]
