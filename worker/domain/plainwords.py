"""Readers of plain values in a definition. Each takes a value and its path, and adds what is wrong to `faults`."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from worker.domain.jsonvalues import Path, describe, scalar_fault
from worker.domain.nearest import did_you_mean

Faults = list[tuple[Path, str]]
"""What is wrong: the path to the value, and a sentence."""

Reader = Callable[[Any, Path, Faults], Any]
"""Gives None for what cannot be read, or notes a fault."""

Choice = TypeVar("Choice", bound=StrEnum)


def read_text(value: Any, path: Path, faults: Faults) -> str | None:
    """Read a text that is not empty."""
    sentence = scalar_fault(value) if isinstance(value, str) else f"has to be a text, not {describe(value)}"
    if sentence or not value:
        faults.append((path, sentence or "is empty"))
        return None
    return str(value)


def read_integer(value: Any, path: Path, faults: Faults) -> int | None:
    """Read a whole number of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        faults.append((path, f"has to be a whole number, not {value if isinstance(value, float) else describe(value)}"))
        return None
    if sentence := scalar_fault(value):
        faults.append((path, sentence))
    return value


def read_count(value: Any, path: Path, faults: Faults) -> int | None:
    """Read a whole number from 1 on."""
    number = read_integer(value, path, faults)
    if number is not None and number < 1:
        faults.append((path, "has to be at least 1"))
    return number


def read_number(value: Any, path: Path, faults: Faults) -> int | float | None:
    """Read a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        faults.append((path, f"has to be a number, not {describe(value)}"))
        return None
    if sentence := scalar_fault(value):
        faults.append((path, sentence))
    return value


def read_positive(value: Any, path: Path, faults: Faults) -> int | float | None:
    """Read a number above 0."""
    number = read_number(value, path, faults)
    if number is not None and number <= 0:
        faults.append((path, "has to be more than 0"))
    return number


def read_choice(kinds: type[Choice], what: str) -> Callable[[Any, Path, Faults], Choice | None]:
    """Make the reader of one of a few words."""
    known = f"{', '.join(list(kinds)[:-1])} or {list(kinds)[-1]}"

    def read(value: Any, path: Path, faults: Faults) -> Choice | None:
        word = read_text(value, path, faults)
        if word is None:
            return None
        if word in set(kinds):
            return kinds(word)
        faults.append((path, f'"{word}" is not a {what}{did_you_mean(word, kinds) or f"; it is {known}"}'))
        return None

    return read


def read_words(
    value: Any, path: Path, faults: Faults, readers: Mapping[str, Reader], refused: Mapping[str, str]
) -> dict[str, Any] | None:
    """Read a mapping of which each word has its reader; None as a value is as good as left out.

    `refused` has a sentence for words that are known and not taken. Gives None if anything is wrong.
    """
    if not isinstance(value, Mapping):
        faults.append((path, f"has to be a mapping with {_and(readers)}, not {describe(value)}"))
        return None
    before = len(faults)
    note_unknown(value, path, faults, readers, refused)
    found = {
        word: read(value[word], (*path, word), faults) for word, read in readers.items() if value.get(word) is not None
    }
    return found if len(faults) == before else None


def note_unknown(
    value: Iterable[Any], path: Path, faults: Faults, known: Iterable[str], refused: Mapping[str, str]
) -> None:
    """Note each word that is not known."""
    known = list(known)
    for word in value:
        if word not in known:
            hint = f"unknown key{did_you_mean(str(word), [*known, *refused])}"
            faults.append(((*path, word), refused.get(word) or hint))


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
