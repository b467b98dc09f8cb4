"""`zenbeat alert …`: do alerts arrive?"""

import asyncio
from collections.abc import Iterable
from uuid import uuid4

import click

from worker.cli.findings import exit_code_of
from worker.cli.output import output_option, printable, show
from worker.domain.alert import Alert, AlertKind
from worker.domain.errors import InvalidInput, NotDelivered
from worker.domain.finding import Finding, fault, ok
from worker.domain.receivers import Receivers, is_url, shown
from worker.engine.runtime import clock
from worker.notify import Notifier
from worker.settings import load_settings


@click.group()
def alert() -> None:
    """See that alerts arrive."""


@alert.command("test")
@click.argument("receivers", metavar="[RECEIVER]...", nargs=-1)
@output_option
@click.pass_context
def send_test(ctx: click.Context, receivers: tuple[str, ...], output: str) -> None:
    """Send a test alert to each RECEIVER, a name or an address; without any, to all of ZENBEAT_RECEIVERS.

    Exit 0 if all of them took it, else 1. That a service took it does not say that somebody reads it: look there.
    """
    known = load_settings().receivers
    names = receivers or tuple(known.urls)
    if not names:
        raise InvalidInput('nobody gets alerts: set ZENBEAT_RECEIVERS, such as {"ops": "slack://…"}')
    findings = asyncio.run(_send(known, [part for name in names for part in known.parts(name)]))
    if output == "table":
        for finding in findings:
            click.echo(printable(str(finding)))
    else:
        show([finding.row() for finding in findings], ("check", "result", "found"), output)
    ctx.exit(exit_code_of(findings))


async def _send(known: Receivers, parts: Iterable[str]) -> list[Finding]:
    notifier = Notifier(known, clock)
    message = Alert(
        id=uuid4().hex,
        kind=AlertKind.SUCCESS,
        title="This is a test of zenbeat's alerts",
        reason="Somebody typed `zenbeat alert test`; nothing has happened.",
        at=clock(),
    )
    try:
        return list(await asyncio.gather(*(_sent(notifier, part, message) for part in parts)))
    finally:
        await notifier.aclose()


async def _sent(notifier: Notifier, part: str, message: Alert) -> Finding:
    name = shown(part) if is_url(part) else part
    try:
        await notifier.send(part, [message])
    except NotDelivered as error:
        return fault(name, str(error), "")
    return ok(name, "delivered")
