"""Floor 2: what zenbeat does. Async only; knows the adapters, not Celery."""
