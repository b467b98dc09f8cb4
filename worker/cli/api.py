"""`zenbeat api`: runs the HTTP API, and the dashboard with it."""

import click

from worker.logs import configure
from worker.server import serve
from worker.settings import load_settings


@click.command()
@click.option("--host", help="Address to listen on; ZENBEAT_API_HOST, or 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; ZENBEAT_API_PORT, or 8420. 0 is any that is free.")
def api(host: str | None, port: int | None) -> None:
    """Run the HTTP API and the dashboard. Until the first API key is made, it listens on this machine alone, whatever
    --host says. The dashboard is at /, what describes the API at /docs.

    TLS is the business of a proxy in front of it: see docs/operations.md.
    """
    settings = load_settings()
    configure(settings.log_level, settings.log_format)
    serve(settings, host or settings.api_host, settings.api_port if port is None else port)
