"""Conditions: what holds, what is refused, and that no text does harm."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.arithmetic import MOST_BITS
from worker.domain.condition import Condition, parse_condition

NAMES = ("a", "b", "steps.trainer.parameters.lr", "steps.trainer.parameters.model", "x.same", "y.same")
VALUES: dict[str, Any] = {
    "a": 2,
    "b": 0.5,
    "steps.trainer.parameters.lr": 0.1,
    "steps.trainer.parameters.model": "rf",
    "x.same": [1, 2],
}


def holds(text: str, **values: Any) -> bool:
    return parse_condition(text, NAMES).holds({**VALUES, **values})


@pytest.mark.parametrize(
    "text",
    [
        "a * b == 1",
        "0 < b < a <= 2",
        "not (a < b) and (a == 3 or b == 0.5)",
        "lr == 0.1 and steps.trainer.parameters.lr < 1",
        "model in ['rf', 'svm'] and model in ('rf', 'svm') and 'r' in model",
        "model not in ['svm']",
        "x.same == [1, 2] and x.same == (1, 2) and 2 in x.same and len(x.same) == 2",
        "(a if b < 1 else 100) == 2",
        "7 // a == 3 and 7 % a == 1 and -7 // a == -4 and +a == 2 and -a == -2",
        "a ** 10 == 1024 and a ** -2 == 0.25 and a ** 0 == 1 and b ** 2 == 0.25 and (-a) ** 3 == -8",
        "abs(-a) == 2 and min(a, b) == 0.5 and max([a, b, 3]) == 3 and sum(x.same) == 3 and min('a', 'b') == 'a'",
        "round(2.5) == 2 and round(2.345, 1) == 2.3 and int(2.9) == 2 and float(a) == 2.0",
        "sum([a == 2, b == 1]) == 1",
        "y.same == None and None == y.same and y.same != 1",
        "True and not False",
        "'' == \"\"",
        "a < 3 # a comment",
        "a < 3 and # a comment\n b < 3\n",
        " \t a == 2 ",
        "2 ** 1023 > 0",
        "len('abc') == 3",
    ],
)
def test_what_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "y.same < 1",
        "y.same >= 1",
        "not y.same >= 1 and False",
        "'a' < 1",
        "1 in y.same",
        "1 not in y.same",
        "x.same in 'abc'",
        "1 / 0 < 5",
        "1 / 0 == 1 / 0 and 1 / 0 > 0",
        "1 % 0 == 0",
        "'a' * 3 == 'aaa'",
        "'a' + 'b' == 'ab'",
        "x.same * 2 == [1, 2, 1, 2]",
        "x.same + [3] == [1, 2, 3]",
        "'%d' % a == '2'",
        "a ** 0.5 > 0",
        "2 ** 1024 > 0",
        "2 ** 1025 > 0",
        "9 ** 9 ** 9 > 0",
        "1e300 * 1e300 > 0",
        "10 ** 400 > 0",
        "0 ** -1 > 0",
        "(2 ** 1023) * 2 > 0",
        "round(1, -1000000000) == 0",
        "round('a') == 1",
        "abs('a') == 1",
        "int('5') == 5",
        "float('5') == 5",
        "min(1, 'a') == 1",
        "min([]) == 0",
        "min(1) == 1",
        "sum('ab') == 0",
        "sum(1) == 1",
        "sum(['a']) == 0",
        "len(1) == 1",
        "-model == 1",
        "float(2 ** 1023 * 1.9999) == 0",
        "(2 ** 1023 + 2 ** 1022) / 0.5 > 0",
    ],
)
def test_what_does_not_hold_and_is_no_error(text: str) -> None:
    assert not holds(text)


REST = "possible are comparisons, and, or, not, in, + - * / // % **, if else, lists and "
CALLS = "abs, min, max, sum, len, round, int, float"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("  \n ", "is empty"),
        ("a <", '"a <" is not an expression: invalid syntax'),
        ("c < 1", 'there is no "c"; known are ' + ", ".join(NAMES)),
        ("modle == 'rf'", 'there is no "modle"; did you mean "model"?'),
        ("same == 1", '"same" may be x.same or y.same; write the whole name'),
        ("trainer.lr == 1", 'there is no "trainer.lr"; known are ' + ", ".join(NAMES)),
        ("a is None", '"is" is not possible; write =='),
        ("a is not None", '"is not" is not possible; write !='),
        ("x.same[0] == 1", f'"x.same[0]" is not possible; {REST}{CALLS}'),
        ("a & b", '"&" is not possible; write and'),
        ("~a", '"~" is not possible; write not'),
        ("a @ b", f"MatMult is not possible; {REST}{CALLS}"),
        ("(lambda: 1)", f'"lambda: 1" is not possible; {REST}{CALLS}'),
        ("[i for i in x.same]", f'"[i for i in x.same]" is not possible; {REST}{CALLS}'),
        ("{'a': 1} == 1", f"\"{{'a': 1}}\" is not possible; {REST}{CALLS}"),
        ("f'{a}' == 1", f"\"f'{{a}}'\" is not possible; {REST}{CALLS}"),
        ("(c := 1)", f'"(c := 1)" is not possible; {REST}{CALLS}'),
        ("min(*x.same) == 1", f'"*x.same" is not possible; {REST}{CALLS}'),
        ("print(1)", '"print" cannot be called; did you mean "int"?'),
        ("eval('1')", f'"eval" cannot be called; it may call {CALLS}'),
        ("absol(a)", '"absol" cannot be called; did you mean "abs"?'),
        ("a.bit_length() == 1", '"a.bit_length" cannot be called; it may call ' + CALLS),
        ("abs.__class__ == 1", 'there is no "abs.__class__"; known are ' + ", ".join(NAMES)),
        ("a.__class__ == 1", 'there is no "a.__class__"; known are ' + ", ".join(NAMES)),
        ("().__class__ == 1", '".__class__" is not possible behind a value; only names have dots'),
        ("(1).real == 1", '".real" is not possible behind a value; only names have dots'),
        ("abs(a, b)", "abs takes one value"),
        ("round(a, b, a)", "round takes one or two values"),
        ("round(a, ndigits=1)", "round takes one or two values"),
        ("min()", "min takes one value or more"),
        ("1j == 1", "1j is not possible; write a number, a text, True, False or None"),
        ("... == 1", "Ellipsis is not possible; write a number, a text, True, False or None"),
        ("b'x' == 1", "b'x' is not possible; write a number, a text, True, False or None"),
        ("1e999 > 1", "a number in it is too large"),
        ("9" * 400 + " > 1", "a number in it is too large"),
        ("'\ud800' == 1", "is not valid Unicode"),
        ("a" * 1001, "is longer than 1000 characters"),
        ("-" * 200 + "a", "is nested more than 100 levels deep"),
        ("1+" * 200 + "a", "is nested more than 100 levels deep"),
    ],
    ids=lambda text: ascii(text)[:40],
)
def test_what_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared
        parse_condition(text, NAMES)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "text", ["(" * 500 + "1" + ")" * 400, "[" * 900, "a\0", "not " * 249 + "a", "'" * 3, "1if a else 2<"]
)
def test_what_the_parser_stumbles_over_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^\S"):
        parse_condition(text, NAMES)


def test_doubtful_texts_give_no_warnings() -> None:
    assert not holds(r"model == '\d'")
    assert holds("1if a else 2")


def test_a_condition_is_its_text() -> None:
    one = parse_condition("lr < 1", NAMES)
    assert one == parse_condition("lr < 1", ["lr"]) != parse_condition("lr <  1", NAMES)
    assert one.uses == {"steps.trainer.parameters.lr"}
    assert (one.text, repr(one)) == (
        "lr < 1",
        "Condition(text='lr < 1', uses=frozenset({'steps.trainer.parameters.lr'}))",
    )
    assert hash(one) == hash(parse_condition("lr < 1", ["lr"]))
    assert not Condition("x").holds({})


def test_a_whole_name_goes_before_the_end_of_another() -> None:
    assert parse_condition("lr == 1", ["a.lr", "lr"]).holds({"a.lr": 2, "lr": 1})


def test_a_slash_in_a_name_is_written_as_a_dot() -> None:
    values = {"val/loss": 1, "train/loss": 2, "val/f1": 3}
    for text in ("val.loss == 1", "f1 == 3", "train.loss == 2 and val.f1 == 3"):
        assert parse_condition(text, values).holds(values)
    with pytest.raises(ValueError, match=r'^"loss" may be val/loss or train/loss; write the whole name$'):
        parse_condition("loss < 1", values)
    with pytest.raises(ValueError, match=r'^there is no "val"; did you mean "val.f1"\?$'):
        parse_condition("val/loss < 1", values)


def test_names_that_are_none_to_python_are_quoted() -> None:
    values = {"steps.my-step.learning-rate": 1, "lambda": 2}
    text = "params['learning-rate'] == 1 and params[\"lambda\"] == params['steps.my-step.learning-rate'] + 1"
    condition = parse_condition(text, values)
    assert condition.holds(values)
    assert condition.uses == set(values)
    for text, sentence in (
        ("learning-rate == 1", 'there is no "learning"; write params["learning-rate"]'),
        ("params['lamda'] == 1", 'there is no "lamda"; write params["lambda"]'),
        ("params[0] == 1", 'there is no "0"; known are steps.my-step.learning-rate, lambda'),
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared
            parse_condition(text, values)
        assert str(caught.value) == sentence
    for text in ("params[lambda: 1] == 1", "params['lambda':] == 1", "other['lambda'] == 1"):
        with pytest.raises(ValueError, match="is not possible; possible are comparisons"):
            parse_condition(text, values)


WORDS = ["a", "b", "model", "x.same", "1", "0", "2.5", "'t'", "None", "True", "[1, 2]", "1e300", "2 ** 1000"]
EXPRESSIONS = st.recursive(
    st.sampled_from(WORDS),
    lambda inner: (
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", "==", "in", "and", "or", ">="]), inner
        ).map(lambda parts: f"({' '.join(parts)})")
        | st.tuples(st.sampled_from(["abs", "min", "max", "sum", "len", "round", "int", "float"]), inner).map(
            lambda parts: f"{parts[0]}({parts[1]})"
        )
    ),
    max_leaves=12,
)
ANY = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers(), max_size=3)
)


@given(EXPRESSIONS, ANY, ANY)
def test_every_expression_has_an_answer_and_always_the_same(text: str, a: Any, b: Any) -> None:
    condition = parse_condition(text[:1000], NAMES) if len(text) <= 1000 else parse_condition("a", NAMES)
    values = {"a": a, "b": b}
    assert condition.holds(values) is condition.holds(dict(values))


@given(st.text(max_size=60) | st.text("ab.()[]{}<>=+-*/%'\\\n #:,_01", max_size=60))
def test_any_text_is_a_condition_or_a_sentence(text: str) -> None:
    with suppress(ValueError):
        parse_condition(text, NAMES).holds(VALUES)


def test_no_number_grows_beyond_its_bound() -> None:
    text = "a" + " * a" * 90
    assert parse_condition(f"{text} == None", ["a"]).holds({"a": 2**63})
    assert MOST_BITS == 1024
