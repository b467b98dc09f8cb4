"""`zenbeat hook …`: look at the hooks, and try what one makes of a payload; nothing is started."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import click

from worker.cli.output import output_option, say, show
from worker.domain.errors import Conflict, InvalidInput, Unknown
from worker.domain.hook import Hook
from worker.domain.nearest import did_you_mean
from worker.domain.signatures import Signed, sign
from worker.engine.hooking import Received, is_open, read
from worker.engine.requests import TriggerRequest
from worker.engine.runtime import clock
from worker.settings import Settings, load_settings
from worker.source import Source

payload_option = click.option(
    "--payload",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the body, as the other system sends it.",
)


@click.group()
def hook() -> None:
    """Look at webhooks, and try what comes of a payload."""


@hook.command("list")
@output_option
def list_hooks(output: str) -> None:
    """List the hooks, and whether there is a secret for each. Needs neither Redis nor ZenML."""
    settings = load_settings()
    secrets = settings.signed_with
    rows = [_row(one, is_open(one, secrets.get(one.name, ()))) for one in _defined(settings)]
    columns = ("name", "address", "signature", "secret", "pipeline", "when", "each", "place")
    show(rows, columns, output, empty="no hook is defined", spare=("place", "each", "when"))


@hook.command("test")
@click.argument("name")
@payload_option
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header of the delivery; repeatable.")
@output_option
def try_hook(name: str, payload: Path, headers: tuple[str, ...], output: str) -> None:
    """Print the triggers that hook NAME makes of a payload. Nothing is started, and no signature is needed.

    Exit code 2 if the payload does not fit, or an expression fails.
    """
    found = find_hook(load_settings(), name)
    body = payload.read_bytes()
    received = read(found, _headers(headers), body, Signed())
    _show(received, output)


@hook.command("sign")
@click.argument("name")
@payload_option
@click.option("--url", default="http://127.0.0.1:8420", show_default=True, help="Where zenbeat's API is.")
@click.option("--id", "identity", default="test-1", show_default=True, help="Id of the delivery, where one is signed.")
def sign_delivery(name: str, payload: Path, url: str, identity: str) -> None:
    """Print a curl command that sends a payload to hook NAME, signed with its first secret.

    Who has the command can start runs: it holds a valid signature, and with `bearer` the secret itself.
    """
    settings = load_settings()
    found = find_hook(settings, name)
    secrets = settings.signed_with.get(name, ())
    if not is_open(found, secrets):
        raise Conflict(f"hook {name} has no secret that can be used; `zenbeat doctor` says what to do")
    signed = sign(
        found.signature, secrets[0], payload.read_bytes(), now=clock(), identity=identity, header=found.header
    )
    lines = [f"curl -sS {quote(f'{url}/hooks/{name}')}", "-H 'content-type: application/json'"]
    lines += [f"-H {quote(f'{header}: {value}')}" for header, value in signed.items()]
    lines.append(f"--data-binary {quote(f'@{payload}')}")
    click.echo(" \\\n  ".join(lines))


def find_hook(settings: Settings, name: str) -> Hook:
    """Find the hook of that name. Raises Unknown with the nearest name."""
    known = {one.name: one for one in _defined(settings)}
    if name not in known:
        hint = did_you_mean(name, known) or "; `zenbeat hook list` shows what there is"
        raise Unknown(f'there is no hook "{name}" in {settings.schedules_dir}{hint}')
    return known[name]


def _defined(settings: Settings) -> Sequence[Hook]:
    """Read the hooks. They are in files alone, so that Redis is not asked."""
    definitions = Source(settings.schedules_dir, settle=False).read()
    for fault in definitions.faults:
        say(str(fault))
    return definitions.hooks


def _row(hook: Hook, has_secret: bool) -> Mapping[str, Any]:  # noqa: FBT001 - one thing that is known of it
    return {
        "name": hook.name,
        "address": f"/hooks/{hook.name}",
        "signature": hook.signature.value,
        "secret": has_secret,
        "pipeline": hook.target.pipeline,
        "when": hook.when,
        "each": hook.each,
        "place": hook.place,
    }


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise InvalidInput(f'--header "{wrong[0]}" is not NAME=VALUE, such as X-GitHub-Event=push')
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _show(received: Received, output: str) -> None:
    if received.ignored:
        say(f"It starts nothing: {received.ignored}.")
    show([_told(one) for one in received.requests], ("pipeline", "idempotency_key", "config"), output, empty="")


def _told(request: TriggerRequest) -> Mapping[str, Any]:
    return request.model_dump(mode="json", exclude_none=True, exclude={"version"})
