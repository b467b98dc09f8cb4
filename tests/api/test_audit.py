"""The audit log over HTTP: for administrators alone, page by page, and only what is meant."""

from typing import Any

AUDIT = "/api/v1/audit"


def test_the_log_tells_who_did_what_and_who_was_refused(door: Any) -> None:
    async def body(d: Any) -> None:
        admin = d.client(key=await d.key("admin", name="admin"))
        reader = d.client(key=await d.key("read", name="reader"))
        assert (await reader.get(AUDIT)).status_code == 403
        queued = (await admin.post("/api/v1/triggers", json={"pipeline": "training"})).json()
        await admin.post(queued["url"] + "/cancel")
        told = (await admin.get(AUDIT)).json()
        assert [(each["action"], each["result"]) for each in told["items"]] == [
            ("trigger.cancel", "done"),
            ("call.denied", "refused"),
            ("key.create", "done"),
            ("key.create", "done"),
        ]
        cancel, refusal, created, _ = told["items"]
        assert (cancel["who"], cancel["what"]) == ("admin", queued["id"])
        assert (refusal["who"], refusal["what"]) == ("reader", "GET /api/v1/audit")
        assert (created["what"], created["after"][0]["scopes"]) == ("reader", ["read"])

        async def found(**params: Any) -> list[str]:
            return [each["action"] for each in (await admin.get(AUDIT, params=params)).json()["items"]]

        assert await found(who="reader") == ["call.denied"]
        assert await found(action="key.") == ["key.create", "key.create"]
        assert await found(action="trigger.cancel", refused=False) == ["trigger.cancel"]
        assert await found(refused=True) == ["call.denied"]

    door(body)


def test_pages_go_on_where_the_one_before_ended(door: Any) -> None:
    async def body(d: Any) -> None:
        for number in range(5):
            await d.key("admin", name=f"k{number}")
        admin = d.client(key=await d.key("admin", name="k5"))
        seen, cursor = [], None
        while True:
            params = {"limit": 2, "fields": "id,what"} | ({"cursor": cursor} if cursor else {})
            page = (await admin.get(AUDIT, params=params)).json()
            seen += [each["what"] for each in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == ["k5", "k4", "k3", "k2", "k1", "k0"]
        assert (await admin.get(AUDIT, params={"cursor": "x"})).status_code == 404
        assert (await admin.get(AUDIT, params={"fields": "when"})).status_code == 422

    door(body)
