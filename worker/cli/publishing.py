"""The doorbell for commands that record triggers. The one module here that loads Celery; only they import it."""

from collections.abc import Sequence

from worker.celery import publish as send
from worker.cli.output import say
from worker.domain.errors import BrokerUnavailable


async def publish(ids: Sequence[str]) -> None:
    """Ring the workers. When the broker is away, say so: what is recorded is rung again by the beat."""
    try:
        await send(ids)
    except BrokerUnavailable as error:
        say(f"The workers were not rung: {error}. The trigger is on record; the beat rings again.")
