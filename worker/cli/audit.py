"""`zenbeat audit list`: who changed what, and which calls were refused."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import click
import orjson
from rich.text import Text

from worker.cli.doors import with_engine
from worker.cli.output import output_option, printable, short_time, show
from worker.engine.runtime import Engine
from worker.store.audit import STATES, Audited, Result

PAGE = 1_000
COLUMNS = ("at", "who", "address", "action", "what", "result", "reason")
SPARE = ("address", "reason")


@click.group()
def audit() -> None:
    """See who changed what, and which calls were refused."""


@audit.command("list")
@click.option("-n", "--limit", default=20, show_default=True, help="The most to list.")
@click.option("--who", help="Only what this key, hook or person did: ci, hook:github, cli:ann.")
@click.option("--action", help="Only this action, such as key.rotate, or all that begin so: key.")
@click.option("--refused", is_flag=True, help="Only calls that were refused.")
@output_option
def list_audit(limit: int, who: str | None, action: str | None, output: str, *, refused: bool) -> None:
    """List the audit log, newest first: every change, and every call that was refused.

    JSON and YAML have more than the table: the key's id, the id of the request, and what was there before and after.
    """
    rows = with_engine(partial(_rows, Filter(who=who, action=action, refused=refused), limit))
    show(rows, COLUMNS, output, words={"at": short_time, "result": _coloured}, empty="no entries", spare=SPARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries are meant. Every part that is given must fit."""

    who: str | None
    action: str | None
    refused: bool

    def fits(self, entry: Audited) -> bool:
        """Tell whether an entry is meant."""
        return (
            self.who in (None, entry.who)
            and (self.action is None or f"{entry.action}.".startswith(f"{self.action.rstrip('.')}."))
            and (entry.result is Result.REFUSED or not self.refused)
        )


async def _rows(wanted: Filter, limit: int, engine: Engine) -> list[dict[str, Any]]:
    found: list[Audited] = []
    page = await engine.audit.newest(PAGE)
    while page and len(found) < limit:
        found += [entry for entry in page if wanted.fits(entry)]
        page = await engine.audit.newest(PAGE, page[-1].id)
    return [_row(entry) for entry in found[:limit]]


def _row(entry: Audited) -> dict[str, Any]:
    plain: dict[str, Any] = {name: value for name, value in asdict(entry).items() if value != ""}
    states = {name: orjson.loads(plain[name]) for name in STATES if name in plain}
    return {**plain, **states, "result": entry.result.value}


def _coloured(result: str) -> Text:
    return Text(printable(result), style="red" if result == Result.REFUSED else "green")
