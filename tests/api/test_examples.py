"""The examples in the OpenAPI run: each body that a route shows is sent, and accepted."""

from typing import Any

import pytest

from tests.api.door import SWEEPS
from worker.demo.zenml import DEMO_API_KEY, DemoServer

NOT_OURS = {"/hooks/{name}"}
"""Bodies that others make, and sign: examples/hooks has them, and a test for each."""


def _examples(openapi: dict[str, Any]) -> list[tuple[str, str, Any]]:
    found = []
    for path, methods in openapi["paths"].items():
        for method, told in methods.items():
            content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
            shown = [each["value"] for each in content.get("examples", {}).values()]
            shown += [content["example"]] if "example" in content else []
            if content and path not in NOT_OURS:
                assert shown, f"{method} {path} shows no example"
            found += [(method, path, value) for value in shown if path not in NOT_OURS]
    return found


@pytest.mark.timeout(240)
def test_every_example_is_accepted(door: Any, tmp_path: Any) -> None:
    (tmp_path / "s.yaml").write_text(SWEEPS)

    async def body(d: Any) -> None:
        examples = _examples(d.app.openapi())
        # What is made by one example is what the others are about.
        examples.sort(key=lambda each: each[1] != "/api/v1/schedules")
        begun = ""
        for method, path, value in examples:
            where = path.replace("{name}", "nightly-training").replace("{identity}", begun)
            known = (await d.http.get(where)).headers.get("etag", "") if method == "put" else ""
            answer = await d.http.request(method, where, json=value, headers={"If-Match": known} if known else {})
            assert answer.status_code < 300, f"{method} {path}: {answer.text}"
            begun = answer.json()["id"] if path == "/api/v1/sweeps" else begun

    with DemoServer(capacity=None, failure_rate=0) as demo:
        door(body, ZENML_STORE_URL=demo.url, ZENML_STORE_API_KEY=DEMO_API_KEY)
