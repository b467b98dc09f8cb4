"""From a delivery to triggers: mapping, what is ignored, keys, limits, and sentences for what does not fit."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.errors import CallRefused, InvalidInput
from worker.domain.hook import Hook
from worker.domain.signatures import Scheme, Signed, sign
from worker.engine.hooking import Received, is_open, read, receive
from worker.source import lint

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HEAD = "hooks:\n  - name: h\n    pipeline: training\n    signature: plain\n"

Make = Callable[[str], Hook]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a hook of some lines of YAML."""

    def hook(lines: str) -> Hook:
        text = HEAD + "".join(f"    {line}\n" for line in lines.splitlines())
        (tmp_path / "a.yaml").write_text(text)
        definitions = lint([tmp_path])
        assert definitions.faults == ()
        return definitions.hooks[0]

    return hook


def got(hook: Hook, payload: Any, signed: Signed | None = None, **headers: str) -> Received:
    body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read(hook, named, body, signed or Signed())


def complaints(hook: Hook, payload: Any, **headers: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        got(hook, payload, **headers)
    return [str(fault) for fault in caught.value.faults]


def keys(received: Received) -> list[str | None]:
    return [one.idempotency_key for one in received.requests]


def test_a_payload_becomes_a_request(make: Make) -> None:
    hook = make(
        "template: production\nproject: default\npriority: 3\nconfig:\n  run_name: 'r-{{ payload.id }}'\n"
        "  tags: ['by:{{ headers[\"x-by\"] }}', '{{ hook.name }}', '{{ hook.pipeline }}']\n"
        "  steps: {a: {parameters: {n: '{{ payload.n }}', all: '{{ payload.list }}', fixed: 1}}}"
    )
    (request,) = got(hook, {"id": "x1", "n": 2.5, "list": [1, {"a": None}]}, x_by="ann").requests
    assert (request.pipeline, request.template, request.project, request.priority) == (
        "training",
        "production",
        "default",
        3,
    )
    assert request.config == {
        "run_name": "r-x1",
        "tags": ["by:ann", "h", "training"],
        "steps": {"a": {"parameters": {"n": 2.5, "all": [1, {"a": None}], "fixed": 1}}},
    }


def test_a_config_template_lies_under_it(make: Make, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "c.yaml").write_text("steps: {a: {parameters: {x: '{{ payload.x }}', y: 1}}}\n")
    hook = make("config_template: t/c.yaml\nconfig: {steps: {a: {parameters: {y: 2}}}}")
    (request,) = got(hook, {"x": 7}).requests
    assert request.config == {"steps": {"a": {"parameters": {"x": 7, "y": 2}}}}


def test_braces_do_not_get_into_a_name_of_a_run(make: Make) -> None:
    (request,) = got(make("config: {run_name: 'b-{{ payload.branch }}'}"), {"branch": "a{date}b"}).requests
    assert request.config["run_name"] == "b-a-date-b"


def test_when_decides(make: Make) -> None:
    hook = make("when: \"{{ payload.kind == 'a' and headers['x-event'] == 'push' }}\"")
    assert len(got(hook, {"kind": "a"}, x_event="push").requests) == 1
    for payload, event in (({"kind": "b"}, "push"), ({"kind": "a"}, "pull")):
        assert got(hook, payload, x_event=event) == Received(ignored="when is false")


def test_when_that_is_not_true_or_false_is_told(make: Make) -> None:
    hook = make("when: '{{ payload.x }}'")
    rest = "not true or false; compare it with something"
    assert complaints(hook, {"x": "false"}) == [f"hook h: when gives a text, {rest}"]
    assert complaints(hook, {"x": None}) == [f"hook h: when gives null, {rest}"]
    assert complaints(hook, {"xx": 1}) == ['hook h: when: there is no "x" in a value of type dict; did you mean "xx"?']


def test_github_asks_with_a_ping(make: Make, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD.replace("plain", "github") + "    when: '{{ payload.ref == 1 }}'\n")
    (hook,) = lint([tmp_path]).hooks
    assert got(hook, {"zen": "…"}, x_github_event="ping") == Received(ignored="a ping")


def test_each_item_is_a_run_with_a_key_of_its_own(make: Make) -> None:
    hook = make("each: '{{ payload.all }}'\nconfig: {tags: ['{{ item.n }}-{{ payload.x }}']}")
    received = got(hook, {"all": [{"n": 1}, {"n": 2}], "x": "y"}, Signed(identity="d1"))
    assert [one.config["tags"] for one in received.requests] == [["1-y"], ["2-y"]]
    assert keys(received) == ["hook:h:d1#1", "hook:h:d1#2"]
    assert got(hook, {"all": []}) == Received(ignored="each gives an empty list")
    assert complaints(hook, {"all": {}, "x": 1}) == ["hook h: each gives a mapping, not a list"]
    assert complaints(hook, {"all": [{"n": 1}] * 1001, "x": 1}) == [
        "hook h: each gives 1001 items, and 1000 are possible"
    ]


def test_a_key_of_the_payload_stays_apart_for_items(make: Make) -> None:
    hook = make("each: '{{ payload.all }}'\nidempotency_key: '{{ payload.id }}'")
    assert keys(got(hook, {"all": [1, 2], "id": "e"})) == ["hook:h:e#1", "hook:h:e#2"]


def test_an_item_that_comes_twice_in_a_delivery_is_one_event(make: Make) -> None:
    hook = make("each: '{{ payload.all }}'\nidempotency_key: '{{ item.id }}'\nconfig: {tags: ['{{ item.t }}']}")
    assert keys(got(hook, {"all": [{"id": 1, "t": "a"}, {"id": 1, "t": "a"}, {"id": 2, "t": "a"}]})) == [
        "hook:h:1",
        "hook:h:2",
    ]
    assert complaints(hook, {"all": [{"id": 1, "t": "a"}, {"id": 1, "t": "b"}]}) == [
        "hook h: two items have the idempotency_key hook:h:1, and differ"
    ]


def test_without_a_key_it_is_the_signed_id_or_the_body(make: Make) -> None:
    hook = make("")
    assert keys(got(hook, {}, Signed(identity="d-1"))) == ["hook:h:d-1"]
    first, again, other = (keys(got(hook, body)) for body in (b'{"a":1}', b'{"a":1}', b'{"a": 1}'))
    assert first == again != other


def test_headers_change_no_key(make: Make) -> None:
    hook = make("config: {tags: ['{{ headers[\"x-n\"] }}']}")
    assert keys(got(hook, {}, x_n="1")) == keys(got(hook, {}, x_n="2"))


def test_a_long_key_is_hashed(make: Make) -> None:
    hook = make("idempotency_key: '{{ payload.id }}'")
    (short,), (long,) = (keys(got(hook, {"id": "x" * length})) for length in (128, 129))
    assert short == f"hook:h:{'x' * 128}"
    assert long is not None
    assert long.startswith("hook:h:sha256:")
    assert len(long) < 100


@pytest.mark.parametrize("value", [None, True, [], {}, ""])
def test_a_key_that_is_none_is_told(make: Make, value: Any) -> None:
    (told,) = complaints(make("idempotency_key: '{{ payload.id }}'"), {"id": value})
    assert told.startswith("hook h: idempotency_key gives ")


def test_not_before_is_a_time_with_an_offset(make: Make) -> None:
    hook = make("not_before: '{{ payload.at }}'")
    (request,) = got(hook, {"at": "2026-12-01T08:00:00+01:00"}).requests
    assert request.not_before == datetime(2026, 12, 1, 7, tzinfo=UTC)
    assert complaints(hook, {"at": "2026-12-01T08:00:00"}) == [
        "hook h: not_before: needs an offset from UTC, such as 2026-12-01T08:00:00+01:00"
    ]


def test_a_payload_that_does_not_fit_its_schema_is_told_with_its_places(make: Make) -> None:
    hook = make(
        "schema: {type: object, required: [id], properties: {all: {type: array, items: {type: object,"
        " properties: {n: {type: integer}}}}}}"
    )
    assert complaints(hook, {"all": [{"n": 1}, {"n": "x"}]}) == [
        '"id" is a required property',
        'all.1.n: the value is not of type "integer"',
    ]
    assert len(got(hook, {"id": 1}).requests) == 1


def test_an_expression_that_fails_has_its_place_in_the_configuration(make: Make) -> None:
    hook = make("config: {steps: {a: {parameters: {x: '{{ payload.commit.id }}'}}}}")
    assert complaints(hook, {"comit": {}}) == [
        'hook h: config.steps.a.parameters.x: there is no "commit" in a value of type dict; did you mean "comit"?'
    ]


def test_a_body_that_is_not_json_is_told(make: Make) -> None:
    hook = make("")
    for body in (b"", b"{", b"{'a': 1}", b"\xff", b'{"a": NaN}'):
        assert complaints(hook, body)[0].startswith("the body is not JSON")
    assert "it is a form: let the sender send application/json" in complaints(hook, b"payload=%7B%7D")[0]


def test_secret_headers_are_seen_by_no_expression(make: Make) -> None:
    hook = make("header: X-Sig\nconfig: {tags: ['{{ headers | tojson }}']}")
    received = got(hook, {}, authorization="Bearer a", x_sig="b", cookie="c", x_hub_signature_256="d", x_ok="e")
    assert received.requests[0].config["tags"] == ['{"x-ok":"e"}']


@pytest.mark.parametrize(
    ("expression", "payload"),
    [
        ("{{ payload.s * payload.n }}", {"s": "a" * 1000, "n": 10**9}),
        ("{{ payload.f % payload.n }}", {"f": "%1000000000d", "n": 1}),
        ("{{ payload.n ** payload.n }}", {"n": 10**9}),
        ("{{ range(payload.n) }}", {"n": 10**9}),
        ("{{ payload.s | replace('a', payload.s) }}", {"s": "a" * 60_000}),
        ("{{ payload.all | join(payload.s) }}", {"all": list(range(1000)), "s": "x" * 60_000}),
        ("{{ payload['__class__'] }}", {"a": 1}),
        ("{{ payload.s.format(payload) }}", {"s": "{0.__class__}"}),
        ("{{ payload.keys }}", {"a": 1}),
        ("{{ payload.big }}", {"big": "x" * 1_100_000}),
    ],
)
def test_what_a_sender_writes_cannot_make_an_expression_grow(make: Make, expression: str, payload: Any) -> None:
    hook = make(f'config: {{steps: {{a: {{parameters: {{x: "{expression}"}}}}}}}}')
    (told,) = complaints(hook, payload)
    assert told.startswith("hook h: config.steps.a.parameters.x")
    assert len(told) < 500


def test_a_payload_nested_without_end_is_refused(make: Make) -> None:
    hook = make("config: {steps: {a: {parameters: {x: '{{ payload }}'}}}}\nschema: {type: [array, object]}")
    for depth in (30, 500, 1000, 100_000):
        assert complaints(hook, b"[" * depth + b"]" * depth)


def test_a_text_of_the_payload_is_no_expression(make: Make) -> None:
    hook = make("config: {tags: ['{{ payload.t }}']}\nidempotency_key: '{{ payload.t }}'")
    (request,) = got(hook, {"t": "{{ 7 * 7 }}"}).requests
    assert request.config["tags"] == ["{{ 7 * 7 }}"]
    assert request.idempotency_key == "hook:h:{{ 7 * 7 }}"


def test_receive_checks_who_and_when(make: Make, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD.replace("plain", "stripe") + "    tolerance: 1m\n")
    (hook,) = lint([tmp_path]).hooks
    body = b"{}"
    headers = sign(Scheme.STRIPE, "a long random secret", body, now=NOW, identity="")
    assert len(receive(hook, ["a long random secret"], headers, body, NOW).requests) == 1
    with pytest.raises(CallRefused, match="does not fit"):
        receive(hook, ["another long secret"], headers, body, NOW)
    with pytest.raises(CallRefused, match="61 s ago"):
        receive(hook, ["a long random secret"], headers, body, NOW + timedelta(seconds=61))


def test_a_hook_is_open_with_a_secret_that_can_be_one(make: Make, tmp_path: Path) -> None:
    assert (is_open(make(""), []), is_open(make(""), ["x"])) == (False, True)
    (tmp_path / "a.yaml").write_text(HEAD.replace("plain", "standard"))
    (hook,) = lint([tmp_path]).hooks
    assert not is_open(hook, ["whsec_???"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcx") | st.text(max_size=3), inner),
    max_leaves=15,
)
HOOK = Hook(
    name="h",
    target=lint([Path(__file__).parents[2] / "examples" / "hooks" / "minio.yaml"]).hooks[0].target,
    signature=Scheme.PLAIN,
    when="{{ payload.a is defined }}",
    each="{{ payload.b | default([1]) }}",
    idempotency_key="{{ payload.x | default('x') }}",
)


@given(json_values)
def test_whatever_comes_is_taken_or_refused_by_one_error(payload: Any) -> None:
    try:
        body = orjson.dumps(payload)
    except TypeError:  # half a character
        body = b"{"
    with suppress(InvalidInput):
        received = read(HOOK, {}, body, Signed())
        assert received.requests or received.ignored
