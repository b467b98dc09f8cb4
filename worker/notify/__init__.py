"""Floor 1: alerts on their way to people and programs. Async only; knows neither schedules nor Redis."""

from worker.notify.delivery import Notifier

__all__ = ["Notifier"]
