"""Says a trouble when it comes and when it goes, not every time that it is met."""

import logging


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

    def over(self) -> None:
        """It works again."""
        if self._met:
            self._logger.info("going on", extra={"reason": "it works again", "waited_for": self._met})
        self._met = ""
