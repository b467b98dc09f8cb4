"""What commands print: data on stdout as table, JSON, YAML or CSV; talk on stderr; times in words."""

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar

import click
import orjson
import yaml
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.domain.moments import distance

Command = TypeVar("Command", bound=Callable[..., Any])
Row = Mapping[str, Any]
Words = Mapping[str, Callable[[Any], str | Text]]
"""Column -> how a person reads its value. Tables only: programs get the value itself."""

GAP = 2
"""Between two columns of a table."""

EMPTY: tuple[Any, ...] = (None, "")

FORMATS = ("table", "json", "yaml", "csv")

_WEEK = 7


def output_option(command: Command) -> Command:
    """Add `-o/--output`; the command gets it as `output`."""
    option = click.option(
        "-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print the data."
    )
    return option(command)


def say(text: str) -> None:
    """Tell a person something, on stderr."""
    click.echo(printable(text), err=True)


def show(
    rows: Sequence[Row],
    columns: Sequence[str],
    output: str,
    title: str = "",
    *,
    words: Words | None = None,
    empty: str = "There is nothing to show.",
    spare: Sequence[str] = (),
) -> None:
    """Print rows. Table and CSV have these columns, JSON and YAML everything that is in the rows.

    A table without rows is the sentence `empty`, on stderr. It leaves out those `spare` columns for which there is no
    room; the last ones are missed most.
    """
    if output == "table" and not rows:
        say(empty)
    elif output == "table":
        _show_table(rows, columns, title, words or {}, spare)
    elif output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    else:
        _show_document(list(rows), output)


def show_one(thing: Row, output: str, *, words: Words | None = None) -> None:
    """Print one thing: a table of its names and values, a JSON or YAML object, or a CSV line under its names."""
    if output == "csv":
        show([thing], list(thing), output)
    elif output == "table":
        told = words or {}
        table = _table()
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        for name, value in thing.items():
            text = _read(name, value, told)
            if text:
                table.add_row(Text(printable(name)), text)
        console().print(table)
    else:
        _show_document(dict(thing), output)


def in_words(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Tell an instant as people do: `in 3 min · today 14:05 CET`."""
    return f"{distance(moment - now)} · {_day_and_time(moment.astimezone(zone), now.astimezone(zone))}"


def short_time(value: Any) -> str:
    """Tell an instant in a table's cell: UTC, day and second."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return f"{moment.astimezone(UTC):%d %b %H:%M:%SZ}"


def printable(text: str) -> str:
    """Replace control characters, which would move the cursor or colour the terminal; lines stay lines."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "�" for letter in text)


def _day_and_time(local: datetime, now: datetime) -> str:
    days = (local.date() - now.date()).days
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    day = near.get(days) or (f"{local:%a}" if 0 < days < _WEEK else f"{local:%Y-%m-%d}")
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return f"{day} {clock} {local.tzname() or ''}".rstrip()


IDS = frozenset({"trigger", "sweep"})


def _show_table(rows: Sequence[Row], columns: Sequence[str], title: str, words: Words, spare: Sequence[str]) -> None:
    # A column that is empty throughout would only take room from the others.
    columns = [column for column in columns if any(row.get(column) not in EMPTY for row in rows)]
    cells = {column: [_read(column, row.get(column), words) for row in rows] for column in columns}
    screen = console()
    kept = _fitting({column: _width(column, told) for column, told in cells.items()}, spare, screen.width)
    cells = {column: told for column, told in cells.items() if column in kept}
    table = _table(title, header=True)
    for column in cells:
        # An id that is cut in two cannot be copied.
        table.add_column(_head(column), overflow="fold", no_wrap=column in IDS)
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    screen.print(table)


def _fitting(widths: Mapping[str, int], spare: Sequence[str], room: int) -> set[str]:
    """Give the columns that there is room for: all that are not spare, and of those the last ones first."""
    kept = widths.keys() - set(spare)
    for column in reversed([column for column in spare if column in widths]):
        if sum(widths[name] for name in (*kept, column)) - GAP <= room:
            kept.add(column)
    return kept


def _head(column: str) -> str:
    return column.replace("_", " ").upper()


def _width(column: str, cells: Sequence[Text]) -> int:
    return max(cell_len(line) for text in (_head(column), *cells) for line in str(text).split("\n")) + GAP


def _table(title: str = "", *, header: bool = False) -> Table:
    return Table(
        box=None,
        title=title or None,
        title_justify="left",
        show_header=header,
        header_style="bold",
        pad_edge=False,
        padding=(0, GAP, 0, 0),
    )


def console() -> Console:
    """Give a console for this moment's stdout: colour only on a terminal, and never with NO_COLOR."""
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False)


def _read(column: str, value: Any, words: Words) -> Text:
    telling = words.get(column)
    told = telling(value) if telling is not None and value is not None else _cell(value)
    return told if isinstance(told, Text) else Text(printable(told))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Mapping):
        return orjson.dumps(value, default=str).decode()
    if isinstance(value, list | tuple):
        return ", ".join(_cell(item) for item in value)
    return str(value)


def _show_document(value: Any, output: str) -> None:
    text = orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()
    if output == "yaml":
        text = yaml.safe_dump(orjson.loads(text), sort_keys=False, allow_unicode=True, default_flow_style=False)
    click.echo(text.rstrip("\n"))
