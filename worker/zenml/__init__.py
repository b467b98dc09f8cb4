"""Floor 1: ZenML's REST API, from 0.63 on. Async only; the only package that knows its routes and status codes."""
