"""What a YAML parser's complaint means, in the words of someone who writes schedules."""

import re

import yaml

from worker.domain.errors import Fault

_QUOTE_IT = 'put it in quotes, such as "*/5 * * * *"'

_SENTENCES = (
    ("while scanning an alias", f"a text that begins with * has to be quoted; {_QUOTE_IT}"),
    ("while scanning an anchor", 'a text that begins with & has to be quoted; put it in "…"'),
    ("unexpected end of stream", "a quote is opened here and not closed"),
    (
        "mapping values are not allowed",
        "a colon is not possible here; check the indentation, or put the text in quotes",
    ),
    ("could not find expected ':'", "a key without a colon"),
    ("did not find expected key", "the indentation is wrong, or a quote is missing"),
    ("did not find expected '-'", "the indentation is wrong, or a - is missing"),
    ("did not find expected ',' or ']'", "a list is opened by [ and not closed, or a comma is missing"),
    ("did not find expected ',' or '}'", "a mapping is opened by { and not closed, or a comma is missing"),
    ("did not find expected node content", "something is missing here, such as a closing bracket"),
    ("found a tab character", "a tab is not possible here; indent with spaces"),
    ("block sequence entries are not allowed", "a list is not possible here; check the indentation"),
    ("while scanning a tag", "a text that begins with ! has to be quoted"),
)
_BARE_EXPRESSION = re.compile(r"""(?:^|[:\-,\[]\s+)(\{\{)""")
# Where the parser noticed is often far behind where it began.
_AT_BEGINNING = ("while scanning an alias", "while scanning an anchor", "unexpected end of stream")


def explain(error: yaml.YAMLError, text: str, file: str) -> Fault:
    """Turn a parser's error into a fault with its place."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Fault(file=file, message=f"is not YAML: {error}")
    complaint = f"{error.context or ''} {error.problem or ''}".strip()
    mark = error.problem_mark
    if error.context_mark is not None and any(words in complaint for words in _AT_BEGINNING):
        mark = error.context_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    opened = error.context_mark.line if error.context_mark is not None else mark.line
    for number in dict.fromkeys((opened, mark.line)):
        if number < len(lines) and (bare := _BARE_EXPRESSION.search(lines[number])):
            return Fault(file=file, line=number + 1, column=bare.start(1) + 1, message="put {{ … }} in quotes")
    message = _sentence(complaint, line[mark.column : mark.column + 1])
    return Fault(file=file, line=mark.line + 1, column=mark.column + 1, message=message)


def _sentence(complaint: str, character: str) -> str:
    if "cannot start any token" in complaint:
        if character == "\t":
            return "a tab is not possible here; indent with spaces"
        return f"a text that begins with {character} has to be quoted"
    for words, sentence in _SENTENCES:
        if words in complaint:
            return sentence
    return f"is not YAML: {complaint}"
