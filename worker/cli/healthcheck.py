"""`zenbeat healthcheck`: for container probes. Cheap, and without Celery."""

import socket
from collections.abc import Mapping
from functools import partial
from typing import Any

import click

from worker.cli.doors import with_engine
from worker.cli.lazy import FAILED
from worker.cli.output import say
from worker.engine.runtime import Engine
from worker.store.heartbeats import FADES


@click.command()
@click.argument("role", type=click.Choice(["beat", "worker", "api"]))
@click.option("--any-host", is_flag=True, help="Content with one that is alive on another host.")
@click.pass_context
def healthcheck(ctx: click.Context, role: str, *, any_host: bool) -> None:
    """Tell whether this host's beat, worker or API is alive: exit 0 alive, 1 not, 69 Redis cannot be reached."""
    alive = with_engine(partial(_alive, role))
    host = socket.gethostname()
    found = {name: sign for name, sign in alive.items() if any_host or name.rsplit(":", 2)[0] == host}
    if not found:
        where = "anywhere" if any_host else f"on {host}"
        others = f"; elsewhere: {', '.join(sorted(alive))}" if alive else ""
        say(f"no {role} is alive {where}: none has left a sign for {FADES.seconds} s{others}")
        ctx.exit(FAILED)
    for name, sign in sorted(found.items()):
        click.echo(f"{role} {name} is alive{_rank(role, sign)}")


def _rank(role: str, sign: Mapping[str, Any]) -> str:
    return f" ({'leader' if sign.get('leading') else 'standby'})" if role == "beat" else ""


async def _alive(role: str, engine: Engine) -> dict[str, dict[str, Any]]:
    return await engine.heartbeats.alive(role)
