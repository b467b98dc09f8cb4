"""`zenbeat key create|list|rotate|revoke`: who may call the HTTP API."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import click
from rich.text import Text

from worker.cli.doors import with_engine
from worker.cli.moments import utc_time
from worker.cli.output import Words, output_option, say, short_time, show
from worker.cli.schedule_pause import by_option, user
from worker.domain.apikey import ApiKey, KeyStanding
from worker.domain.duration import DurationError, parse_duration
from worker.domain.errors import InvalidInput
from worker.domain.rate import format_rate, parse_rate
from worker.engine import keychanges
from worker.engine.keychanges import Made
from worker.engine.runtime import Engine

COLUMNS = ("name", "id", "state", "scopes", "rate", "expires", "last_used", "created", "by")
SPARE = ("by", "created", "rate", "last_used", "expires")
STYLES = {KeyStanding.ACTIVE: "green", KeyStanding.EXPIRED: "dim", KeyStanding.REVOKED: "dim"}


@click.group()
def key() -> None:
    """Make, list, rotate and revoke the keys of the HTTP API."""


@key.command("create")
@click.argument("name")
@click.option(
    "-s", "--scope", "scopes", multiple=True, required=True, help="read, operate, admin or trigger:PATTERN; repeatable."
)
@click.option("--expires", default="never", show_default=True, help="How long it is good, such as 90d.")
@click.option("--rate", default="600/min", show_default=True, help="How often it may call; none is no limit.")
@by_option
def create_key(name: str, scopes: tuple[str, ...], expires: str, rate: str, by: str | None) -> None:
    r"""Make a key called NAME, and print it: alone on stdout, and only this once. zenbeat keeps no more than a hash.

    \b
    read               look at everything
    operate            and pause, resume, run, backfill, cancel, replay
    admin              and define schedules; start any run
    trigger:train-*    start runs of these pipelines of the default project
    trigger:prod/*     … of the pipelines of project prod; trigger:*/* of all

    From the first key on, every call of the HTTP API needs one.
    """
    lifetime = None if expires == "never" else _length("--expires", expires)
    who, per_minute = by or f"cli:{user()}", parse_rate(rate)
    make = partial(keychanges.create, name=name, scopes=scopes, rate=per_minute, by=who, lifetime=lifetime)
    _tell_of(with_engine(make))


@key.command("rotate")
@click.argument("named", metavar="NAME|ID")
@click.option("--overlap", default="24h", show_default=True, help="How long the old key stays good.")
@by_option
def rotate_key(named: str, overlap: str, by: str | None) -> None:
    """Make a new key in the place of one, and print it: alone on stdout, and only this once.

    It may do what the old one may, and as long. Both are good during the overlap.
    """
    length, who = _length("--overlap", overlap, least=timedelta()), by or f"cli:{user()}"
    _tell_of(with_engine(lambda engine: keychanges.rotate(engine, named, overlap=length, by=who)))


@key.command("revoke")
@click.argument("named", metavar="NAME|ID")
@by_option
def revoke_key(named: str, by: str | None) -> None:
    """Take back a key, or all of a name, at once. Prints the id of each that was not taken back before."""
    who = by or f"cli:{user()}"
    revoked = with_engine(lambda engine: keychanges.revoke(engine, named, by=who))
    for one in revoked:
        click.echo(one.id)
    if not revoked:
        say(f"{named} was revoked before.")


@key.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that are revoked or have expired.")
@output_option
def list_keys(output: str, *, every: bool) -> None:
    """List the keys, oldest first; never the secrets, which nobody knows."""
    rows = with_engine(partial(_rows, every))
    words: Words = {"state": _coloured, "expires": utc_time, "last_used": short_time, "created": short_time}
    show(rows, COLUMNS, output, words=words, empty=EMPTY, spare=SPARE)


EMPTY = "There is no key: the HTTP API listens on this machine only, and asks for none."


async def _rows(every: bool, engine: Engine) -> list[dict[str, Any]]:  # noqa: FBT001 - passed on as click gave it
    ring = await engine.apikeys.ring()
    return [_row(one, ring.now) for one in ring.keys if every or one.active(ring.now)]


def _row(one: ApiKey, now: datetime) -> dict[str, Any]:
    return {
        "name": one.name,
        "id": one.id,
        "state": one.standing(now).value,
        "scopes": one.scopes,
        "rate": format_rate(one.rate),
        "expires": one.expires,
        "last_used": one.last_used,
        "created": one.created,
        "by": one.by,
        "revoked": one.revoked,
    }


def _coloured(standing: str) -> Text:
    return Text(standing, style=STYLES[KeyStanding(standing)])


def _tell_of(made: Made) -> None:
    click.echo(made.text)
    ends = f"until {utc_time(made.key.expires)}" if made.key.expires else "until it is revoked"
    say(f"This key is shown only now; keep it where secrets are kept. {made.key.name} is good {ends}.")
    if made.old is not None and made.old.expires is not None:
        say(f"The old one, {made.old.id}, is good until {utc_time(made.old.expires)}.")


def _length(option: str, text: str, least: timedelta = timedelta(seconds=1)) -> timedelta:
    try:
        length = parse_duration(text)
    except DurationError as error:
        raise InvalidInput(f"{option}: {error}") from error
    if not least <= length <= timedelta(days=36500):
        raise InvalidInput(f"{option}: {text} is too long or too short")
    return length
