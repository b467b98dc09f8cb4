"""Hooks in the schedule files: what they mean, every mistake with its place, and when they are read again."""

# ruff: noqa: E501 - a fault is one line here, as it is for the person who reads it

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import jsonschema_rs
import pytest

from worker.domain.signatures import Scheme
from worker.source import Source, lint
from worker.source.document import read_document
from worker.source.schema import schedule_schema

Check = Callable[[str], list[str]]

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "hooks").glob("*.yaml"))
VALIDATOR = jsonschema_rs.validator_for(json.loads(schedule_schema()))

HEAD = "hooks:\n  - name: h\n    pipeline: p\n"
HOOK = HEAD + "    signature: github\n"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("signatur: x", '5:5: hooks.0.signatur: unknown key; did you mean "signature"?'),
        ("shema: {}", '5:5: hooks.0.shema: unknown key; did you mean "schema"?'),
        ("payload_schema: {}", '5:5: hooks.0.payload_schema: unknown key; did you mean "schema"?'),
        ("secret: abc", "5:5: hooks.0.secret: secrets never stand in a file; set ZENBEAT_HOOK_SECRETS"),
        ("cron: '* * * * *'", "5:5: hooks.0.cron: cron belongs to a schedule; a hook does not take it"),
        ("rate: 5", "5:11: hooks.0.rate: has to be a number of deliveries and a length of time, such as 600/min, or none"),
        ("rate: 0/min", "5:11: hooks.0.rate: has to be a number of deliveries and a length of time, such as 600/min, or none"),
        ("tolerance: 0s", "5:16: hooks.0.tolerance: has to be longer than 0s"),
        ("tolerance: 5m", "5:5: hooks.0.tolerance: github signs no time, so that nothing can be too old; leave it out"),
        ("header: X-Sig", "5:5: hooks.0.header: github has its own header; leave it out"),
        ("header: 'X Sig'", '5:13: hooks.0.header: "X Sig" is no name of a header; write one such as X-Gitea-Signature'),
        ("when: x == 1", '5:11: hooks.0.when: has to be one expression that gives true or false, such as "{{ … }}"'),
        ('when: "{{ payload.x }} {{ payload.y }}"', '5:11: hooks.0.when: has to be one expression that gives true or false, such as "{{ … }}"'),
        ('when: "{{ paylod.x }}"', '5:11: hooks.0.when: "paylod" is not known; did you mean "payload"?'),
        ('when: "{{ item }}"', '5:11: hooks.0.when: "item" is known in a hook with each only'),
        ('when: "{{ fire_time }}"', '5:11: hooks.0.when: "fire_time" is known in a schedule only'),
        ('when: "{{ now }}"', '5:11: hooks.0.when: "now" is not known: a body is rendered once and stored, so that a retry sends the same; use fire_time'),
        ('when: "{{ payload.__class__ }}"', '5:11: hooks.0.when: "__class__" is out of bounds: no name with an underscore in front can be used'),
        ('each: "{{ payload."', "5:11: hooks.0.each: the expression cannot be read: expected name or number"),
        ('each: "a {{ payload.all }}"', '5:11: hooks.0.each: has to be one expression that gives a list, such as "{{ … }}"'),
        ('each: "{{ headers }}"', '5:11: hooks.0.each: "headers" is out of bounds here: they are not signed, and who sends a delivery again could change them; use what is in the payload'),
        ('idempotency_key: "{{ headers.x }}"', '5:22: hooks.0.idempotency_key: "headers" is out of bounds here: they are not signed, and who sends a delivery again could change them; use what is in the payload'),
        ('idempotency_key: "{{ item.id }}"', '5:22: hooks.0.idempotency_key: "item" is known in a hook with each only'),
        ("idempotency_key: abc", "5:22: hooks.0.idempotency_key: is the same for every delivery, so that only the first would start a run; use the payload"),
        ('idempotency_key: "{{ 1 + 1 }}"', "5:22: hooks.0.idempotency_key: is the same for every delivery, so that only the first would start a run; use the payload"),
        ('idempotency_key: "{{ hook.name }}"', "5:22: hooks.0.idempotency_key: is the same for every delivery, so that only the first would start a run; use the payload"),
        ('not_before: "{{ payload.at | dat }}"', '5:17: hooks.0.not_before: there is no filter "dat"; did you mean "date"?'),
        ("priority: 5000", "5:15: hooks.0.priority: has to be at most 1000"),
        ("schema: payloads/push.json", "5:13: hooks.0.schema: payloads/push.json: there is no such file"),
        ("schema: ../push.json", '5:13: hooks.0.schema: "../push.json" is not possible; write the path of a file in this folder, such as payloads/push.json'),
        ("schema: push.txt", '5:13: hooks.0.schema: "push.txt" is not possible; write the path of a file in this folder, such as payloads/push.json'),
        ("schema: {type: objekt}", "5:20: hooks.0.schema.type: is no JSON Schema: \"objekt\" is not valid under any of the schemas listed in the 'anyOf' keyword"),
        ("schema: {$ref: 'https://example.com/x.json'}", "5:13: hooks.0.schema: is no JSON Schema: Resource 'https://example.com/x.json' is not present in a registry and retrieving it failed: ValueError: a schema must not refer to https://example.com/x.json"),
        ("snapshot: a\n    template: b", "5:5: hooks.0.snapshot: template is there already; keep one of them"),
        ("config: {schedule: {}}", "5:14: hooks.0.config.schedule: ZenML takes no schedule here; zenbeat does the scheduling"),
        ('config: {tags: ["{{ itm }}"]}', '5:21: hooks.0.config.tags.0: "itm" is not known'),
        ('config: {tags: ["{{ params.x }}"]}', '5:21: hooks.0.config.tags.0: "params" is known in a sweep only'),
        ("config_template: t.yaml", "5:22: hooks.0.config_template: t.yaml: there is no such file; did you mean \"a.yaml\"?"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place_and_a_sentence(faults: Check, lines: str, fault: str) -> None:
    assert faults(f"{HOOK}    {lines}\n") == [f"a.yaml:{fault}"]


def test_what_is_missing_is_told_and_the_rest_is_checked_all_the_same(faults: Check) -> None:
    assert faults('hooks:\n  - name: h\n    when: "{{ x }}"\n') == [
        "a.yaml:2:5: hooks.0: pipeline is missing",
        "a.yaml:2:5: hooks.0: signature is missing",
        'a.yaml:3:11: hooks.0.when: "x" is not known',
    ]
    assert faults(f"{HEAD}    signature: githb\n") == [
        'a.yaml:4:16: hooks.0.signature: "githb" is not one of github, stripe, standard, mlflow, plain, bearer; did you mean "github"?'
    ]
    assert faults("hooks:\n  - {name: Push, pipeline: p, signature: plain}\n") == [
        'a.yaml:2:12: hooks.0.name: "Push" is not possible; write small letters, digits and . _ - (no mark in front)'
    ]


def test_what_is_known_in_a_hook_is_known_nowhere_else(faults: Check) -> None:
    text = 'schedules:\n  - {name: a, pipeline: p, cron: "0 0 * * *", config: {tags: ["{{ payload.x }}"]}}\n'
    assert faults(text) == ['a.yaml:2:63: schedules.0.config.tags.0: "payload" is known in a hook only']


def test_a_name_is_unique_over_all_files(faults: Check, folder: Path) -> None:
    (folder / "b.yaml").write_text(HOOK)
    assert faults(HOOK) == [
        f'b.yaml:2:11: hooks.0.name: "h" is defined already, in {folder}/a.yaml:2'.replace(str(folder), "FOLDER")
    ]
    # A schedule may have the name of a hook.
    (folder / "b.yaml").write_text('schedules:\n  - {name: h, pipeline: p, cron: "0 0 * * *"}\n')
    assert faults(HOOK) == []


def test_everything_that_a_hook_can_say(folder: Path) -> None:
    (folder / "a.yaml").write_text(
        "hooks:\n"
        "  - name: all\n"
        "    pipeline: p\n"
        "    snapshot: s\n"
        "    project: q\n"
        "    signature: plain\n"
        "    header: X-Gitea-Signature\n"
        "    schema: {type: object}\n"
        '    when: "{{ payload.a == 1 }}"\n'
        '    each: "{{ payload.b }}"\n'
        '    idempotency_key: "{{ item.id }}"\n'
        '    not_before: "{{ item.at }}"\n'
        "    priority: 7\n"
        "    rate: 2/s\n"
        "  - {name: late, pipeline: p, signature: stripe, tolerance: 1h, rate: 30/h}\n"
        "  - {name: any, pipeline: p, signature: bearer, rate: none}\n"
    )
    definitions = lint([folder])
    assert definitions.faults == ()
    every, late, any_ = definitions.hooks
    assert (every.name, every.signature, every.header) == ("all", Scheme.PLAIN, "x-gitea-signature")
    assert (every.target.pipeline, every.target.snapshot, every.target.project) == ("p", "s", "q")
    assert (every.schema, every.when, every.each) == ('{"type":"object"}', "{{ payload.a == 1 }}", "{{ payload.b }}")
    assert (every.idempotency_key, every.not_before) == ("{{ item.id }}", "{{ item.at }}")
    assert (every.priority, every.rate, every.tolerance) == (7, 120, timedelta(minutes=5))
    assert (late.tolerance, late.rate, any_.rate) == (timedelta(hours=1), 1, 0)
    assert every.place == f"{folder}/a.yaml:2"


@pytest.mark.parametrize("name", ["templates/s.json", "templates/s.yaml"])
def test_a_schema_may_stand_in_a_file_and_is_read_again(folder: Path, name: str) -> None:
    schema = folder / name
    (folder / "a.yaml").write_text(f"{HOOK}    schema: {name}\n")
    schema.write_text('{"type": "object"}')
    source = Source(folder, settle=False)
    (hook,) = source.read().hooks
    assert hook.schema == '{"type":"object"}'
    schema.write_text('{"type": "array"}')
    (hook,) = source.read().hooks
    assert hook.schema == '{"type":"array"}'
    schema.write_text('{"type": "arr"}')
    broken = source.read()
    # The last good version goes on.
    assert broken.hooks == (hook,)
    (told,) = broken.faults
    assert f"{name}: is no JSON Schema" in told.message
    schema.write_text('{"type": ')
    assert len(source.read().faults) == 1


def test_a_folder_that_vanishes_keeps_its_hooks(folder: Path) -> None:
    (folder / "a.yaml").write_text(HOOK)
    source = Source(folder, settle=False)
    hooks = source.read().hooks
    folder.rename(folder.with_name("away"))
    assert source.read().hooks == hooks != ()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_keep_to_the_schema_and_name_it(path: Path) -> None:
    assert path.read_text().startswith("# yaml-language-server: $schema=../../schema/schedule.schema.json\n")
    VALIDATOR.validate(read_document(path.read_bytes(), path.name).value)
    definitions = lint([path])
    assert (definitions.faults, definitions.warnings) == ((), ())


def test_the_hooks_in_the_documentation_have_no_faults(faults: Check) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "webhooks.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        assert faults(block) == []
