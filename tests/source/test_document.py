"""From bytes to values with places; everything that YAML can do and a schedule file must not."""

import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.errors import InvalidInput
from worker.source.document import read_document


def read(text: str | bytes) -> Any:
    return read_document(text if isinstance(text, bytes) else text.encode(), "f.yaml").value


def complaints(text: str | bytes) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read(text)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-12", -12),
        ("+1", 1),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1.e-2", 0.01),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("1.2.3", "1.2.3"),
        (".", "."),
        ("2026-12-01", "2026-12-01"),
        ("2026-12-01T08:00", "2026-12-01T08:00"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("=", "="),
        ("0 2 * * *", "0 2 * * *"),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">-\n  a\n  b\n", "a b"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    got = read(f"x: {text}")["x"]
    assert got == value
    assert type(got) is type(value)


def test_not_a_number() -> None:
    value = read("x: .nan")["x"]
    assert value != value


def test_places_count_from_one() -> None:
    document = read_document(b"a:\n  - b: 1\n    cc: {d: [x, yy]}\n", "f.yaml")
    assert document.value == {"a": [{"b": 1, "cc": {"d": ["x", "yy"]}}]}
    places = {
        (): "f.yaml:1:1: !",
        ("a",): "f.yaml:2:3: a: !",
        ("a", 0): "f.yaml:2:5: a.0: !",
        ("a", 0, "b"): "f.yaml:2:8: a.0.b: !",
        ("a", 0, "cc", "d", 1): "f.yaml:3:17: a.0.cc.d.1: !",
        ("a", 0, "cc", "nowhere", 1): "f.yaml:3:9: a.0.cc: !",
    }
    assert {path: str(document.fault(path, "!")) for path in places} == places
    assert str(document.fault(("a", 0, "cc"), "!", at_key=True)) == "f.yaml:3:5: a.0.cc: !"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "cron: * * * * *",
            ['f.yaml:1:7: a text that begins with * has to be quoted; put it in quotes, such as "*/5 * * * *"'],
        ),
        (
            "- cron: */5 * * * *",
            ['f.yaml:1:9: a text that begins with * has to be quoted; put it in quotes, such as "*/5 * * * *"'],
        ),
        ("cron: @daily", ["f.yaml:1:7: a text that begins with @ has to be quoted"]),
        ("x: `a`", ["f.yaml:1:4: a text that begins with ` has to be quoted"]),
        ("x: {{ fire_time }}", ["f.yaml:1:5: a key has to be a text; put {{ … }} in quotes"]),
        ("x: {{ fire_time | date('%Y') }}", ["f.yaml:1:5: a key has to be a text; put {{ … }} in quotes"]),
        ("x: {{ fire_time | date('%Y', 'UTC') }} a", ["f.yaml:1:4: put {{ … }} in quotes"]),
        ("a:\n\t- b", ["f.yaml:2:1: a tab is not possible here; indent with spaces"]),
        ("a: |\n x\n\ty", ["f.yaml:3:1: a tab is not possible here; indent with spaces"]),
        ("a: 'b\nc: d", ["f.yaml:1:4: a quote is opened here and not closed"]),
        (
            "a: b: c",
            ["f.yaml:1:5: a colon is not possible here; check the indentation, or put the text in quotes"],
        ),
        ("a:\n  b: 1\n c: 2", ["f.yaml:3:2: the indentation is wrong, or a quote is missing"]),
        ("- a\nb: 1", ["f.yaml:2:1: the indentation is wrong, or a - is missing"]),
        ("a: [1, 2", ["f.yaml:2:1: a list is opened by [ and not closed, or a comma is missing"]),
        ("a: {b: 1", ["f.yaml:2:1: a mapping is opened by { and not closed, or a comma is missing"]),
        ("a: 1\nb\nc: 2", ["f.yaml:3:1: a key without a colon"]),
        (
            "%YAML 3.0\n---\na: 1",
            ["f.yaml:1:1: is not YAML: found incompatible YAML document"],
        ),
        ("a: 1\n---\nb: 2", ["f.yaml:2:1: a second document begins here; one is possible per file"]),
    ],
)
def test_errors_of_grammar_are_sentences(text: str, lines: list[str]) -> None:
    assert complaints(text) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: 1\nb: 2\na: 3", ['f.yaml:3:1: the key "a" stands here twice, first in line 1']),
        ("a: {b: 1, b: 2}", ['f.yaml:1:11: the key "b" stands here twice, first in line 1']),
        (
            "1: a\ntrue: b\nnull: c\n2.5: d",
            [
                "f.yaml:1:1: the key 1 is not a text; put it in quotes",
                "f.yaml:2:1: the key true is not a text; put it in quotes",
                "f.yaml:3:1: the key null is not a text; put it in quotes",
                "f.yaml:4:1: the key 2.5 is not a text; put it in quotes",
            ],
        ),
        ("? [a]\n: b", ["f.yaml:1:3: a key has to be a text; put {{ … }} in quotes"]),
        ("a: {b: 1}\nc:\n  <<: {d: 1}", ["f.yaml:3:3: << is not possible here; write the keys out"]),
        (
            "a: !!python/object/apply:os.system [id]",
            ["f.yaml:1:4: the tag !!python/object/apply:os.system is not possible here; write the value without it"],
        ),
        (
            "a: !!str 1\nb: !x {c: 1}",
            [
                "f.yaml:1:4: the tag !!str is not possible here; write the value without it",
                "f.yaml:2:4: the tag !x is not possible here; write the value without it",
            ],
        ),
        ("a: &x 1\nb: *x", ["f.yaml:2:4: *x is an alias, which is not possible here; write the value out"]),
        ("a: &x [*x]", ["f.yaml:1:8: *x is an alias, which is not possible here; write the value out"]),
        ("a: " + "9" * 5000, ["f.yaml:1:4: the number is too long; put it in quotes if it is a text"]),
    ],
)
def test_what_is_yaml_and_not_wanted(text: str, lines: list[str]) -> None:
    assert complaints(text) == lines


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"\xef\xbb\xbfa: 1", ["f.yaml:1:1: begins with a byte order mark; save the file as UTF-8 without one"]),
        ("a: 1".encode("utf-16"), ["f.yaml:1:1: begins with a byte order mark; save the file as UTF-8 without one"]),
        (b"a: 1\nb: \xe4", ["f.yaml:2:4: is not UTF-8; save the file with that encoding"]),
        (b"a: 1\n\x00", ["f.yaml:2:1: the character U+0000 cannot stand in YAML"]),
        ("a: 'ä\x1b'".encode(), ["f.yaml:1:6: the character U+001B cannot stand in YAML"]),
        ("a: '\u2028'".encode(), ["f.yaml:1:5: the character U+2028 cannot stand in YAML"]),
    ],
)
def test_bytes_that_are_no_text(data: bytes, lines: list[str]) -> None:
    assert complaints(data) == lines


LAUGHS = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (LAUGHS, "f.yaml:2:8: *a is an alias, which is not possible here; write the value out"),
        ("[" * 20_000, "f.yaml:1:21: nested more than 20 levels deep"),
        ("{a: " * 250_000, "f.yaml:1:81: nested more than 20 levels deep"),
        ("- " * 20_000 + "a", "f.yaml:1:41: nested more than 20 levels deep"),
        ("a: " + "x" * 1_048_576, "f.yaml: the file is larger than 1 MiB; split it"),
    ],
)
def test_bombs_are_refused_quickly(text: str, line: str) -> None:
    before = time.process_time()
    assert complaints(text)[0] == line
    assert time.process_time() - before < 1


@given(st.text(max_size=60) | st.text(alphabet="ab:-[]{}*&!|>'\"#%@` \n\t0", max_size=60))
def test_every_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    try:
        read(text)
    except InvalidInput as error:
        for fault in error.faults:
            assert fault.message
            assert 0 < fault.line <= text.count("\n") + text.count("\r") + 2
            assert fault.column > 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(alphabet="ab: -*&'\"\n{}[]#,0.e"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="ab: -*0n"), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(alphabet="ab"), JSON))
def test_what_pyyaml_writes_is_read_as_it_was(value: dict[str, object]) -> None:
    try:
        got = read(yaml.safe_dump(value, allow_unicode=True))
    except InvalidInput as error:
        assert "<<" in str(error) or "nested" in str(error)  # noqa: PT017 - either is right
    else:
        assert got == value
