"""Did you mean …? The nearest known word to a misspelt one."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 100
"""Characters of a word that may be misspelt: what is longer is no word, and comparing takes its time."""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice most like `word`, upper and lower case alike, or None if none comes close."""
    if len(word) > LONGEST:
        return None
    known = {choice.lower(): choice for choice in choices}
    found = get_close_matches(word.lower(), known, n=1)
    return known[found[0]] if found else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return the tail of an error sentence, `; did you mean "MON"?`, or nothing if no choice comes close."""
    found = nearest(word, choices)
    return f'; did you mean "{found}"?' if found else ""
