"""What scopes open."""

import pytest

from worker.domain.access import EVERYTHING, LONGEST, NOBODY, Area, Grants, opens, parse_scopes
from worker.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("scopes", "opened"),
    [
        ((), ""),
        (("trigger:*/*",), ""),
        (("read",), "read"),
        (("operate",), "read operate"),
        (("admin",), "read operate admin"),
        (("trigger:a", "read"), "read"),
    ],
)
def test_each_area_has_those_before_it_in_it(scopes: tuple[str, ...], opened: str) -> None:
    grants = Grants(scopes=scopes)
    assert " ".join(area for area in Area if grants.may(area)) == opened


@pytest.mark.parametrize(
    ("scope", "pipeline", "project", "default", "fits"),
    [
        ("trigger:training", "training", None, "home", True),
        ("trigger:training", "training", "home", "home", True),
        ("trigger:training", "training", "other", "home", False),
        ("trigger:training", "training", "other", None, False),
        ("trigger:training", "Training", None, None, False),
        ("trigger:train-*", "train-a", None, None, True),
        ("trigger:train-*", "training", None, None, False),
        ("trigger:train-?", "train-a", None, None, True),
        ("trigger:*", "training", None, None, True),
        ("trigger:*", "training", "other", "home", False),
        ("trigger:other/*", "training", "other", "home", True),
        ("trigger:other/*", "training", None, "home", False),
        ("trigger:home/training", "training", None, "home", True),
        ("trigger:home/training", "training", None, None, False),
        ("trigger:*/*", "training", "any", None, True),
        ("trigger:*/*", "training", None, None, True),
        ("trigger:*/train*", "evaluation", "any", None, False),
        ("admin", "training", "any", None, True),
        ("operate", "training", None, None, False),
        ("read", "training", None, None, False),
    ],
)
def test_a_trigger_scope_opens_what_its_pattern_fits(
    scope: str, pipeline: str, project: str | None, default: str | None, fits: bool
) -> None:
    assert Grants(scopes=("read", scope)).may_trigger(pipeline, project, default) is fits


def test_nobody_may_nothing_and_everything_is_everything() -> None:
    assert not NOBODY.may(Area.READ)
    assert not NOBODY.may_trigger("a", None, None)
    assert EVERYTHING.may(Area.ADMIN)
    assert EVERYTHING.may_trigger("a", "b", None)


def test_scopes_keep_their_order_and_count_once() -> None:
    assert parse_scopes(["trigger:a", "read", "trigger:a"]) == ("trigger:a", "read")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("raed", '"raed" is no scope; did you mean "read"?'),
        ("triger:a", '"triger:a" is no scope; did you mean "trigger"?'),
        ("everything", '"everything" is no scope; there are read, operate, admin, trigger:<pattern>'),
        ("trigger", '"trigger" needs a pattern: trigger:training'),
        ("trigger:", '"trigger:" needs a name or pattern on each side'),
        ("trigger:/a", '"trigger:/a" needs a name or pattern on each side'),
        ("trigger:a/", '"trigger:a/" needs a name or pattern on each side'),
        ("trigger:a b", "a pattern has no spaces"),
        ("trigger:a\x00", "a pattern has no spaces and no control characters"),
        ("trigger:" + "a" * LONGEST, f"is longer than {LONGEST} characters"),
        ("", '"" is no scope'),
    ],
)
def test_what_is_no_scope_is_told_with_its_place(word: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_scopes(["read", word])
    (fault,) = refused.value.faults
    assert fault.path == "scopes.1"
    assert told in fault.message


def test_a_key_needs_a_scope() -> None:
    with pytest.raises(InvalidInput, match="at least one scope"):
        parse_scopes([])


@pytest.mark.parametrize(
    ("scopes", "some"), [(("admin",), True), (("read", "trigger:etl"), True), (("operate",), False), ((), False)]
)
def test_who_may_start_anything_at_all_is_known(scopes: tuple[str, ...], some: bool) -> None:
    assert Grants(scopes=scopes).starts_some is some


@pytest.mark.parametrize("scope", [*Area, "trigger:train-*"])
def test_each_scope_is_told_in_words(scope: str) -> None:
    assert len(opens(scope)) > 5
    assert ("train-*" in opens(scope)) is scope.startswith("trigger:")
