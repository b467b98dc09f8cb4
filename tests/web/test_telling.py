"""How values are told: what leads elsewhere, what is secret, and how sentences begin."""

import pytest

from worker.web.words import blotted, sentence, web


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "x",
        "",
        "http://[",
        "vbscript:x",
        "file:///etc/passwd",
        "\x00javascript:x",
    ],
)
def test_what_is_no_web_address_leads_nowhere(address: str) -> None:
    assert web(address) == "#"


@pytest.mark.parametrize("address", ["https://zenml.example.com/runs/1", "http://127.0.0.1:8237/x?y=z#a"])
def test_a_web_address_leads_there(address: str) -> None:
    assert web(address) == address


def test_keys_are_blotted_out_and_names_that_look_a_little_alike_are_not() -> None:
    key, token = f"zb_{'a1' * 6}_{'x-_Y' * 10}xyz", f"ZENKEY_{'a.b' * 9}".lower()
    assert blotted(f"<p title='{key}'>{token}</p>") == "<p title='***'>***</p>"
    for kept in ("turkeyjob", "eyjafjalla", "zb_short", "https://a:b@c.example", "zenkey_xyz"):
        assert blotted(kept) == kept


@pytest.mark.parametrize(("text", "told"), [("it is so", "It is so"), ("", ""), ("404", "404"), ("ärger", "Ärger")])
def test_a_sentence_begins_with_a_capital(text: str, told: str) -> None:
    assert sentence(text) == told
