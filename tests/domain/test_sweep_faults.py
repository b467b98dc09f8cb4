"""Every refusal of a sweep definition, with its sentence."""

from datetime import date
from typing import Any

import pytest

from worker.domain.jsonvalues import Path
from worker.domain.sweep import SweepFaults, parse_sweep
from worker.domain.sweepwords import UNSUPPORTED

LIST = (
    "constant, categorical, categorical_w_probabilities, int_uniform, uniform, q_uniform, log_uniform_values, "
    "inv_log_uniform_values, q_log_uniform_values, normal, q_normal, log_normal, q_log_normal, beta, q_beta"
)


def faults(raw: Any) -> list[tuple[Path, str]]:
    with pytest.raises(SweepFaults) as caught:
        parse_sweep(raw)
    return list(caught.value.faults)


def of_parameter(spec: Any, method: str = "random") -> list[tuple[Path, str]]:
    """The faults of one parameter, with their path from there."""
    found = faults({"method": method, "run_cap": 9, "parameters": {"x": spec}})
    assert all(path[:2] == ("parameters", "x") for path, _ in found)
    return [(path[2:], sentence) for path, sentence in found]


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (0.1, "has to be a mapping, not a number; write value: ... for one value"),
        ("a", "has to be a mapping, not a text; write value: ... for one value"),
        (True, "has to be a mapping, not true; write value: ... for one value"),
        (None, "has to be a mapping, not null; write value: ... for one value"),
        (date(2026, 1, 1), "has to be a mapping, not a date; write value: ... for one value"),
        ([1, 2], "has to be a mapping, not a list; write values: [...] to choose from a list"),
        ({}, "says nothing about its values; give value, values, or min and max"),
        ({"q": 2}, "says nothing about its values; give value, values, or min and max"),
        ({"min": 1}, "max is missing; int_uniform needs min and max"),
        ({"max": 1.5}, "min is missing; uniform needs min and max"),
        ({"probabilities": [1]}, "values is missing; categorical_w_probabilities needs values and probabilities"),
        ({"distribution": "constant"}, "value is missing; constant needs value"),
    ],
    ids=str,
)
def test_a_parameter_as_a_whole(spec: Any, sentence: str) -> None:
    assert of_parameter(spec) == [((), sentence)]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        (3, "has to be a text, not a number"),
        (None, "has to be a text, not null"),
        *(
            (
                word,
                f"{word}, which takes exponents, is not supported yet; "
                f"use {word}_values, which takes the values themselves",
            )
            for word in ("log_uniform", "q_log_uniform", "inv_log_uniform")
        ),
        ("unifrom", '"unifrom" is not a distribution; did you mean "uniform"?'),
        ("lognormal", '"lognormal" is not a distribution; did you mean "log_normal"?'),
        ("xyz", f'"xyz" is not a distribution; known are {LIST}'),
    ],
)  # fmt: skip
def test_distributions(word: Any, sentence: str) -> None:
    # Words that belong to what is not supported are no second fault.
    assert of_parameter({"distribution": word, "mu": 0, "sigma": 1}) == [(("distribution",), sentence)]


@pytest.mark.parametrize(
    ("spec", "word", "sentence"),
    [
        ({"vales": [1]}, "vales", 'unknown key; did you mean "values"?'),
        ({"value": 1, "xyz": 1}, "xyz", "unknown key"),
        ({"value": 1, 5: 1}, 5, "unknown key"),
        ({"mu": 0}, "mu", "mu needs distribution: normal, q_normal, log_normal or q_log_normal"),
        ({"b": 0}, "b", "b needs distribution: beta or q_beta"),
        (
            {"min": 0, "max": 1, "mu": 0},
            "mu",
            "mu does not go with int_uniform; say distribution: normal, q_normal, log_normal or q_log_normal",
        ),
        ({"value": 1, "a": 0}, "a", "a does not go with constant; say distribution: beta or q_beta"),
        ({"value": 1, "values": [2]}, "values", "values does not go with constant, which takes value"),
        ({"values": [2], "min": 1}, "min", "min does not go with categorical, which takes values"),
        ({"values": [2], "q": 1}, "q", "q does not go with categorical, which takes values"),
        (
            {"min": 1, "max": 5, "q": 2},
            "q",
            "q does not go with int_uniform; say distribution: q_uniform or q_log_uniform_values",
        ),
        (
            {"distribution": "q_uniform", "min": 1, "max": 5, "value": 2},
            "value",
            "value does not go with q_uniform, which takes min, max, q",
        ),
        ({"min": "1e-4", "max": 1}, "min", "has to be a number, not a text"),
        ({"min": 0, "max": True}, "max", "has to be a number, not true"),
        ({"min": 0.5, "max": float("inf")}, "max", "has to be a finite number"),
        ({"min": float("nan"), "max": 1}, "min", "has to be a finite number"),
        ({"min": 0, "max": 2**63}, "max", "does not fit into 64 bits"),
        ({"min": -(2**63) - 1, "max": 0}, "min", "does not fit into 64 bits"),
        (
            {"distribution": "int_uniform", "min": 1, "max": 2.0},
            "max",
            "has to be a whole number for int_uniform; floats go with uniform",
        ),
        (
            {"distribution": "log_uniform_values", "min": 0, "max": 1},
            "min",
            "has to be more than 0 for log_uniform_values",
        ),
        (
            {"distribution": "inv_log_uniform_values", "min": -1.0, "max": 1},
            "min",
            "has to be more than 0 for inv_log_uniform_values",
        ),
        ({"min": 2, "max": 2}, "min", "min 2 is not less than max 2; write value: ... for one value"),
        ({"min": 2.5, "max": 1}, "min", "min 2.5 is not less than max 1; swap them"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": "1"}, "q", "has to be a number, not a text"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}, "q", "has to be more than 0"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": -0.5}, "q", "has to be more than 0"),
        (
            {"distribution": "q_uniform", "min": 1, "max": 3, "q": 4},
            "q",
            "no multiple of q (4) lies between min 1 and max 3",
        ),
        (
            {"distribution": "q_log_uniform_values", "min": 0.001, "max": 0.5},
            "q",
            "no multiple of q (1) lies between min 0.001 and max 0.5",
        ),
        (
            {"distribution": "q_uniform", "min": 0.0, "max": 1.0, "q": 2.0**-52},
            "q",
            "is too small: floats as large as 1.0 are further apart than 2.220446049250313e-16",
        ),
        ({"values": "abc"}, "values", "has to be a list, not a text"),
        ({"values": []}, "values", "is empty; give at least one value"),
        ({"values": [1], "probabilities": 1}, "probabilities", "has to be a list, not a number"),
        (
            {"values": [1, 2], "probabilities": [1]},
            "probabilities",
            "has to have one entry for each of the values: 2, not 1",
        ),
        (
            {"values": [1, 2], "probabilities": [0.5, 0.4]},
            "probabilities",
            "the probabilities make 0.9 together, not 1",
        ),
        ({"values": [1, 2], "probabilities": [0, 0]}, "probabilities", "the probabilities make 0 together, not 1"),
        ({"value": date(2026, 1, 1)}, "value", "has to be a JSON value, not a date"),
        ({"value": (1, 2)}, "value", "has to be a JSON value, not a tuple"),
        ({"value": "\ud800"}, "value", "is not valid Unicode"),
        ({"value": {1: 2}}, "value", "the key 1 is not a text; put it in quotes"),
        ({"value": {"\ud800": 2}}, "value", r"the key '\ud800' is not valid Unicode"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_the_words_of_a_parameter(spec: dict[Any, Any], word: str, sentence: str) -> None:
    assert of_parameter(spec) == [((word,), sentence)]


@pytest.mark.parametrize(
    ("named", "words", "word", "sentence"),
    [
        ("normal", {"a": 1}, "a", "a does not go with normal, which takes mu, sigma"),
        ("beta", {"sigma": 1}, "sigma", "sigma does not go with beta, which takes a, b"),
        ("normal", {"min": 0}, "min", "min does not go with normal, which takes mu, sigma and has no bounds"),
        ("q_beta", {"max": 0}, "max", "max does not go with q_beta, which takes a, b, q and has no bounds"),
        ("normal", {"value": 0}, "value", "value does not go with normal, which takes mu, sigma"),
        ("normal", {"q": 1}, "q", "q does not go with normal; say distribution: q_normal"),
        ("log_normal", {"q": 1}, "q", "q does not go with log_normal; say distribution: q_log_normal"),
        ("beta", {"q": 1}, "q", "q does not go with beta; say distribution: q_beta"),
        ("normal", {"sigm": 1}, "sigm", 'unknown key; did you mean "sigma"?'),
        ("normal", {"mu": "0"}, "mu", "has to be a number, not a text"),
        ("normal", {"mu": float("nan")}, "mu", "has to be a finite number"),
        ("normal", {"sigma": 0}, "sigma", "has to be more than 0"),
        ("q_normal", {"q": 0}, "q", "has to be more than 0"),
        ("beta", {"a": True}, "a", "has to be a number, not true"),
        ("beta", {"a": 0}, "a", "has to be more than 0"),
        (
            "beta",
            {"a": 0.001},
            "a",
            "has to be between 0.01 and 1000; beyond, a beta takes too long to compute",
        ),
        (
            "q_beta",
            {"b": 1001},
            "b",
            "has to be between 0.01 and 1000; beyond, a beta takes too long to compute",
        ),
        (
            "q_beta",
            {"q": 1.5},
            "q",
            "is more than 1, so that the value would always be 0; a beta lies between 0 and 1",
        ),
        (
            "normal",
            {"sigma": 1e308},
            "sigma",
            "with mu 0 and sigma 1e+308, values go beyond what a float can hold",
        ),
        (
            "q_normal",
            {"mu": 2**63 - 1, "q": 2},
            "mu",
            "with mu 9223372036854775807 and sigma 1, values do not fit into 64 bits; write q as 2.0 to have floats",
        ),
        (
            "log_normal",
            {"mu": 1000},
            "mu",
            "with mu 1000 and sigma 1, values go from exp(991.7) to exp(1008.2), beyond what a float can hold; "
            "mu and sigma are those of the logarithm",
        ),
        (
            "log_normal",
            {"sigma": 100},
            "sigma",
            "with mu 0 and sigma 100, values go from exp(-829.2) to exp(821.0), beyond what a float can hold; "
            "mu and sigma are those of the logarithm",
        ),
        (
            "q_log_normal",
            {"mu": 1e308, "q": 1.0},
            "mu",
            "with mu 1e+308 and sigma 1, values go from exp(1e+308) to exp(1e+308), beyond what a float can hold; "
            "mu and sigma are those of the logarithm",
        ),
        (
            "q_log_normal",
            {"sigma": 6},
            "sigma",
            "with mu 0 and sigma 6, values do not fit into 64 bits; write q as 1.0 to have floats",
        ),
    ],
    ids=ascii,
)
def test_the_words_of_normal_and_beta(named: str, words: dict[str, Any], word: str, sentence: str) -> None:
    assert of_parameter({"distribution": named, **words}) == [((word,), sentence)]


def test_every_word_in_the_wrong_place_is_named() -> None:
    assert of_parameter({"distribution": "normal", "min": 0, "max": 1, "mu": 0, "a": 2}) == [
        (("min",), "min does not go with normal, which takes mu, sigma and has no bounds"),
        (("max",), "max does not go with normal, which takes mu, sigma and has no bounds"),
        (("a",), "a does not go with normal, which takes mu, sigma"),
    ]


def test_faults_deep_inside_values() -> None:
    assert of_parameter({"values": [1, {"a": [float("nan"), {2: "\ud800"}]}, 2**70]}) == [
        (("values", 1, "a", 0), "has to be a finite number"),
        (("values", 1, "a", 1), "the key 2 is not a text; put it in quotes"),
        (("values", 1, "a", 1, 2), "is not valid Unicode"),
        (("values", 2), "does not fit into 64 bits"),
    ]
    assert of_parameter({"values": ["a", "b"], "probabilities": [True, "x"]}) == [
        (("probabilities", 0), "has to be a number, not true"),
        (("probabilities", 1), "has to be a number, not a text"),
    ]
    assert of_parameter({"values": ["a", "b"], "probabilities": [2, -1]}) == [(("probabilities", 1), "is less than 0")]


def test_values_may_be_nested_but_not_without_end() -> None:
    assert parse_sweep({"method": "grid", "parameters": {"x": {"value": nested(20)}}}).trial(1) == {"x": nested(20)}
    assert of_parameter({"value": nested(50)}) == [(("value", *[0] * 21), "is nested more than 20 levels deep")]


@pytest.mark.parametrize(
    ("spec", "path", "sentence"),
    [
        (
            {"min": 0.5, "max": 1},
            (),
            "uniform has no values that a grid could count; "
            "give values, or use int_uniform, q_uniform or method: random",
        ),
        (
            {"distribution": "q_log_uniform_values", "min": 1, "max": 9},
            (),
            "q_log_uniform_values has no values that a grid could count; "
            "give values, or use int_uniform, q_uniform or method: random",
        ),
        (
            {"distribution": "q_normal", "mu": 64, "sigma": 16},
            (),
            "q_normal has no values that a grid could count; "
            "give values, or use int_uniform, q_uniform or method: random",
        ),
        (
            {"values": [1, 2], "probabilities": [0.5, 0.5]},
            ("probabilities",),
            "a grid takes every value once; leave the probabilities out, or use method: random",
        ),
        (
            {"values": [1, True, "1", 1.5, 1.0]},
            ("values", 4),
            "is the same as value 1 of the list; a grid takes every value once",
        ),
        (
            {"values": [{"a": 1, "b": 2}, {"b": 2, "a": 1}]},
            ("values", 1),
            "is the same as value 1 of the list; a grid takes every value once",
        ),
    ],
    ids=str,
)
def test_what_a_grid_does_not_take(spec: Any, path: Path, sentence: str) -> None:
    assert of_parameter(spec, "grid") == [(path, sentence)]
    assert parse_sweep({"method": "random", "run_cap": 1, "parameters": {"x": spec}}).size == 1


def test_a_grid_that_nobody_can_number_needs_a_run_cap() -> None:
    raw = {"method": "grid", "parameters": {name: {"min": 0, "max": 2**62} for name in ("a", "b")}}
    sentence = "the grid has more than 9223372036854775807 points; say with run_cap how many to run"
    assert faults(raw) == [(("run_cap",), sentence)]
    assert parse_sweep({**raw, "run_cap": 3}).head(3) == [{"a": 0, "b": 0}, {"a": 0, "b": 1}, {"a": 0, "b": 2}]


def test_a_random_sweep_needs_a_run_cap() -> None:
    raw = {"method": "random", "parameters": {"x": {"value": 1}}, "run_cap": None}
    assert faults(raw) == [(("run_cap",), "a random sweep needs run_cap, the number of its trials")]


EXPECT_PARAMETERS = "has to be a mapping of names to what they may be, not"


@pytest.mark.parametrize(
    ("change", "path", "sentence"),
    [
        ({"method": "custom"}, ("method",), "custom is not supported yet; use grid, random, sobol, lhs, bayes or list"),
        ({"method": "gird"}, ("method",), '"gird" is not a method; did you mean "grid"?'),
        ({"method": "tpe"}, ("method",), '"tpe" is not a method; it is grid, random, sobol, lhs, bayes or list'),
        ({"method": ["grid"]}, ("method",), "has to be a text, not a list"),
        ({"method": ""}, ("method",), "is empty"),
        ({"method": None}, ("method",), "method is missing"),
        ({"parameters": None}, ("parameters",), "parameters is missing"),
        ({"parameters": {}}, ("parameters",), f"{EXPECT_PARAMETERS} an empty one"),
        ({"parameters": []}, ("parameters",), f"{EXPECT_PARAMETERS} a list"),
        ({"name": 3}, ("name",), "has to be a text, not a number"),
        ({"name": ""}, ("name",), "is empty"),
        ({"name": "\ud800"}, ("name",), "is not valid Unicode"),
        ({"run_cap": 0}, ("run_cap",), "has to be at least 1"),
        ({"run_cap": -1}, ("run_cap",), "has to be at least 1"),
        ({"run_cap": 1.0}, ("run_cap",), "has to be a whole number, not 1.0"),
        ({"run_cap": True}, ("run_cap",), "has to be a whole number, not true"),
        ({"run_cap": 2**63}, ("run_cap",), "does not fit into 64 bits"),
        ({"max_parallel": 0}, ("max_parallel",), "has to be at least 1"),
        ({"max_parallel": "4"}, ("max_parallel",), "has to be a whole number, not a text"),
        ({"seed": "x"}, ("seed",), "has to be a whole number, not a text"),
        ({"metric": "loss"}, ("metric",), "has to be a mapping with name and goal, not a text"),
        ({"metric": {}}, ("metric",), "name is missing"),
        ({"metric": {"name": ""}}, ("metric", "name"), "is empty"),
        ({"metric": {"name": None}}, ("metric", "name"), "has to be a text, not null"),
        (
            {"metric": {"name": "loss", "goal": "minimise"}},
            ("metric", "goal"),
            '"minimise" is not a goal; did you mean "minimize"?',
        ),
        (
            {"metric": {"name": "loss", "goal": "up"}},
            ("metric", "goal"),
            '"up" is not a goal; it is minimize or maximize',
        ),
        ({"metric": {"name": "loss", "goal": 1}}, ("metric", "goal"), "has to be a text, not a number"),
        ({"metric": {"name": "loss", "target": "1"}}, ("metric", "target"), "has to be a number, not a text"),
        (
            {"metric": {"name": "loss", "impute": "best"}},
            ("metric", "impute"),
            "impute is not supported yet; leave it out",
        ),
        ({"metric": {"name": "loss", "gaol": "x"}}, ("metric", "gaol"), 'unknown key; did you mean "goal"?'),
        ({"run_cup": 1}, ("run_cup",), 'unknown key; did you mean "run_cap"?'),
        ({5: 1}, (5,), "unknown key"),
        ({"scheduler": None}, ("scheduler",), UNSUPPORTED["scheduler"]),
        (
            {"program": "train.py"},
            ("program",),
            "program is not supported yet; a trial starts a run of the pipeline, with nothing else to call",
        ),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_the_words_at_the_top(change: dict[Any, Any], path: Path, sentence: str) -> None:
    assert faults({"method": "grid", "parameters": {"x": {"value": 1}}, **change}) == [(path, sentence)]


@pytest.mark.parametrize("word", UNSUPPORTED)
def test_every_other_word_of_wandb_is_refused_as_not_supported_yet(word: str) -> None:
    [(path, sentence)] = faults({"method": "grid", "parameters": {"x": {"value": 1}}, word: "x"})
    assert path == (word,)
    assert sentence.startswith(f"{word} is not supported yet; ")


WORDS = "its parts between dots have to be words, without spaces around them"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (1, "the name 1 is not a text; put it in quotes"),
        ("\ud800", "the name is not valid Unicode"),
        *((name, f'"{name}" is not a name; {WORDS}') for name in ("", ".", "a..b", ".a", "a.", " a", "a. b")),
    ],
    ids=ascii,
)
def test_names_of_parameters(name: Any, sentence: str) -> None:
    assert faults({"method": "grid", "parameters": {name: {"value": 1}}}) == [(("parameters", name), sentence)]


def test_a_path_through_another_parameter() -> None:
    raw = {"method": "grid", "parameters": {name: {"value": 1} for name in ("a.b", "a.b.c", "a", "a.bc")}}
    sentence = "leads through a.b, which is a parameter itself; keep one of them"
    assert faults(raw) == [(("parameters", "a.b.c"), sentence)]


@pytest.mark.parametrize("raw", [None, [], "grid"])
def test_a_definition_that_is_none(raw: Any) -> None:
    [(path, sentence)] = faults(raw)
    assert path == ()
    assert sentence.startswith("has to be a mapping with method and parameters, not ")


def test_all_faults_at_once_and_as_text() -> None:
    raw = {
        "method": "grid",
        "run_cap": 0,
        "parameters": {"x": {"min": 1}, "y": {"min": 0.5, "max": 1}, "z": {"values": [1, float("nan")]}},
        "metric": {"goal": "up"},
        "seeds": 1,
    }
    with pytest.raises(SweepFaults) as caught:
        parse_sweep(raw)
    assert str(caught.value).splitlines() == [
        'seeds: unknown key; did you mean "seed"?',
        "parameters.x: max is missing; int_uniform needs min and max",
        "parameters.z.values.1: has to be a finite number",
        "metric: name is missing",
        'metric.goal: "up" is not a goal; it is minimize or maximize',
        "run_cap: has to be at least 1",
        "parameters.y: uniform has no values that a grid could count; "
        "give values, or use int_uniform, q_uniform or method: random",
    ]
    assert str(SweepFaults([((), "is wrong")])) == "is wrong"
