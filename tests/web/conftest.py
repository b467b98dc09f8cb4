"""The dashboard in this process: the real application on a real Redis, asked as a browser without scripts asks."""

from tests.api.conftest import door

__all__ = ["door"]
