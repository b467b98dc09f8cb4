"""The process of the HTTP API: engine, application and uvicorn, and what keeps bad callers from doing harm.

A request comes in by `protocol` (time-outs, sizes), then `front` (who asks, by which proxy, what is logged), `guard`
(other web sites), `bodies` (the whole body, or none), and then the application.
"""

from worker.server.process import serve

__all__ = ["serve"]
