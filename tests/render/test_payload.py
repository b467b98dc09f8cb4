"""What a payload has to look like: faults with their places, few and short, and schemas that cannot be used."""

import time
from typing import Any

import pytest

from worker.render.payload import LONGEST_SENTENCE, MOST_TOLD, PayloadSchema, SchemaError, payload_schema


def told(schema: Any, payload: Any) -> list[str]:
    return [str(fault) for fault in PayloadSchema(schema).faults(payload)]


def test_each_fault_has_its_place() -> None:
    schema = {"required": ["id"], "properties": {"all": {"items": {"properties": {"n": {"minimum": 3}}}}}}
    assert told(schema, {"all": [{"n": 3}, {"n": 2}]}) == [
        '"id" is a required property',
        "all.1.n: the value is less than the minimum of 3",
    ]
    assert told(schema, {"id": 1}) == []


def test_formats_are_checked() -> None:
    schema = {"properties": {"at": {"type": "string", "format": "date-time"}}}
    assert told(schema, {"at": "2026-11-26T12:00:00Z"}) == []
    assert told(schema, {"at": "yesterday"}) == ['at: the value is not a "date-time"']


def test_few_faults_are_told_and_each_is_short() -> None:
    names = {"a" * 10_000: 1}
    faults = told({"items": {"additionalProperties": False}}, [names] * 50)
    assert len(faults) == MOST_TOLD
    assert max(map(len, faults)) <= LONGEST_SENTENCE + len("10: …")


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "objekt"}, ("type",)),
        ({"properties": {"a": {"minimum": "3"}}}, ("properties", "a", "minimum")),
        ({"$ref": "https://example.com/a.json"}, ()),
        ({"$ref": "file:///etc/passwd"}, ()),
        ({"$ref": "#/$defs/nowhere"}, ()),
        ({"$schema": "https://example.com/own"}, ()),
        ({"$dynamicRef": "https://example.com/x#a"}, ()),
        ({"pattern": "("}, ("pattern",)),
        (7, ()),
    ],
)
def test_what_is_no_schema_is_refused(schema: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(SchemaError) as caught:
        PayloadSchema(schema)
    assert caught.value.path == path


def test_a_pattern_does_not_run_for_ever() -> None:
    begun = time.monotonic()
    assert told({"pattern": r"^(a+)+(?=b)$"}, "a" * 5000)
    assert time.monotonic() - begun < 10


def test_a_payload_nested_too_deeply_is_a_fault() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    assert told({"type": "string"}, deep) == ["Recursion limit reached"]


def test_the_same_text_is_compiled_once() -> None:
    assert payload_schema('{"type":"object"}') is payload_schema('{"type":"object"}')


def test_what_is_in_a_payload_stands_in_no_sentence() -> None:
    for schema in ({"type": "object"}, {"enum": ["a"]}, {"const": 1}, {"maxLength": 2}, {"pattern": "^a"}):
        (sentence,) = told(schema, "canary")
        assert "canary" not in sentence
