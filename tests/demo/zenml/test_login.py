"""Who is let in, in which words the others are not."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Make = Callable[..., Any]

LOGIN = "/api/v1/login"
NOT_CREDENTIALS = "CredentialsNotValid"


def test_a_login_gives_a_token_that_never_expires(demo: Make) -> None:
    answer = demo().login()
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] is None
    assert answer["access_token"].count(".") == 2


@pytest.mark.parametrize(
    ("form", "status", "detail"),
    [
        ({}, 400, "Invalid request: username is required."),
        ({"grant_type": "foo", "password": "x"}, 400, "Unsupported grant type: foo"),
        ({"grant_type": "zenml-api-key"}, 400, "API key is required."),
        ({"username": "a", "password": "b"}, 401, "Authentication error: invalid username or password"),
        ({"password": "ZENKEY_wrong"}, 401, "Authentication error: error decoding API key"),
    ],
)
def test_a_login_that_is_refused(demo: Make, form: dict[str, str], status: int, detail: str) -> None:
    answer = demo().http.post(LOGIN, data=form)
    assert answer.status_code == status
    assert answer.json()["detail"] in (detail, [NOT_CREDENTIALS, detail])


def test_a_login_in_json_is_not_read(demo: Make) -> None:
    answer = demo().http.post(LOGIN, json={"password": "ZENKEY_demo"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "Invalid request: username is required."})


def test_without_a_bearer_token_the_answer_is_a_plain_text(demo: Make) -> None:
    url = demo().server.url
    for headers in ({}, {"Authorization": "Basic Zm9vOmJhcg=="}):
        answer = httpx.get(f"{url}/api/v1/runs", headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("token", "why"), [("garbage", "Not enough segments."), ("a.b.c", "Signature verification failed.")]
)
def test_a_token_that_is_none(demo: Make, token: str, why: str) -> None:
    answer = demo().http.get("/api/v1/runs", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    said = f"Authentication error: error decoding access token: Invalid JWT token: {why}"
    assert answer.json() == {"detail": [NOT_CREDENTIALS, said]}


def test_a_token_expires_with_ten_seconds_of_leeway(demo: Make) -> None:
    here = demo(token_seconds=60)
    assert here.login()["expires_in"] == 60
    here.clock.advance(69)
    assert here.http.get("/api/v1/runs").status_code == 200
    here.clock.advance(2)
    answer = here.http.get("/api/v1/runs")
    assert answer.status_code == 401
    assert answer.json()["detail"][1].endswith("Invalid JWT token: Signature has expired.")


def test_tokens_die_with_the_key_the_account_and_the_server(demo: Make) -> None:
    here = demo()
    for end, words in (
        (lambda: setattr(here.state.login, "active", False), "is not active"),
        (lambda: here.state.login.rotate("ZENKEY_new"), "API key generation that is no longer valid"),
        (here.state.login.forget, "Signature verification failed."),
    ):
        end()
        answer = here.http.get("/api/v1/runs")
        assert answer.status_code == 401
        assert words in answer.json()["detail"][1]
        here.state.login.active = True


def test_the_key_itself_is_a_token_since_0_91_2(demo: Make) -> None:
    for version, status in (("0.91.2", 200), ("0.91.0", 401)):
        headers = {"Authorization": "Bearer ZENKEY_demo"}
        assert demo(version=version).http.get("/api/v1/runs", headers=headers).status_code == status


def test_a_token_for_a_while(demo: Make) -> None:
    here = demo()
    token = here.get("/api_token", token_type="generic", expires_in=20)
    here.http.headers["Authorization"] = f"Bearer {token}"
    assert here.http.get("/api/v1/runs").status_code == 200
    here.clock.advance(31)
    assert here.http.get("/api/v1/runs").status_code == 401
    too_long = demo().http.get("/api/v1/api_token", params={"expires_in": 604_801})
    assert (too_long.status_code, too_long.json()["detail"][0]) == (400, "ValueError")
