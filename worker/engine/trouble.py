"""Says a trouble when it comes and when it goes, not every time that it is met."""

import logging
from collections.abc import Awaitable

from worker.domain.errors import LeadLost, StoreUnavailable, ZenMLError


class Trouble:
    """What one part of the process has to say about what it waits for."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._met = ""

    def met(self, reason: str) -> None:
        """Something keeps us from going on; the same reason is said once, whatever the details in its brackets."""
        if reason.partition(" (")[0] != self._met.partition(" (")[0]:
            self._logger.error("waiting", extra={"reason": reason})
            self._met = reason

    async def during(self, work: Awaitable[object], what: str) -> bool:
        """Wait for work that comes round again, whatever happens to this one; tells whether it went well.

        `what` is what cannot be done where it did not.
        """
        try:
            await work
        except (ZenMLError, StoreUnavailable, LeadLost) as error:
            self.met(f"{what}: {error}")
        except Exception:
            # As in the tick: whatever it is, the next round sees to what else there is.
            self._logger.exception(what)
        else:
            self.over()
            return True
        return False

    def over(self) -> None:
        """It works again."""
        if self._met:
            self._logger.info("going on", extra={"reason": "it works again", "waited_for": self._met})
        self._met = ""
