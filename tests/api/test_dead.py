"""Dead letters over HTTP: a list of their own, the last to die first, from which one can be let wait again."""

from typing import Any

from tests.engine.conftest import Flow
from worker.demo.zenml import DEMO_API_KEY, DemoServer

TRIGGERS = "/api/v1/triggers"


def test_the_last_to_die_comes_first_and_is_gone_from_the_list_when_it_waits_again(door: Any, demo: DemoServer) -> None:
    async def body(d: Any) -> None:
        flow = Flow(d.engine, demo)
        flow.rung = d.rung
        urls = []
        for pipeline in ("nobody", "training", "nothing"):
            urls.append((await d.http.post(TRIGGERS, json={"pipeline": pipeline})).json()["url"])
            await flow.settle()
        pages, cursor = [], None
        while cursor or not pages:
            params = {"state": "dead", "limit": 1} | ({"cursor": cursor} if cursor else {})
            told = (await d.http.get(TRIGGERS, params=params)).json()
            pages.append([each["pipeline"] for each in told["items"]])
            cursor = told["next"]
        assert [name for page in pages for name in page] == ["nothing", "nobody"]
        narrow = (await d.http.get(TRIGGERS, params={"state": "dead", "pipeline": "nobody"})).json()["items"]
        assert [each["code"] for each in narrow] == ["not_found"]
        both = (await d.http.get(TRIGGERS, params={"state": ["dead", "started"]})).json()["items"]
        assert [each["pipeline"] for each in both] == ["nothing", "training", "nobody"]
        assert (await d.http.post(f"{urls[0]}/replay")).status_code == 202
        assert [
            each["pipeline"] for each in (await d.http.get(TRIGGERS, params={"state": "dead"})).json()["items"]
        ] == ["nothing"]

    door(body, ZENML_STORE_URL=demo.url, ZENML_STORE_API_KEY=DEMO_API_KEY)


def test_what_became_of_an_attempt_tells_how_far_it_came_when_and_what_zenml_answered(
    door: Any, demo: DemoServer
) -> None:
    async def body(d: Any) -> None:
        flow = Flow(d.engine, demo)
        flow.rung = d.rung
        demo.faults.add("status", match="POST .*/runs$", status=400, body={"detail": ["ValueError", "no"]})
        for pipeline in ("training", "nobody"):
            await d.http.post(TRIGGERS, json={"pipeline": pipeline})
            await flow.settle()
        unsent, sent = (await d.http.get("/api/v1/outcomes", params={"status": "dead"})).json()["items"]
        assert sent["http_status"] == 400
        assert sent["dispatched"] <= sent["claimed"]
        assert sent["sent"] <= sent["at"]
        assert {"claimed", "dispatched"} < set(unsent)
        assert not {"sent", "http_status"} & set(unsent)

    door(body, ZENML_STORE_URL=demo.url, ZENML_STORE_API_KEY=DEMO_API_KEY)
