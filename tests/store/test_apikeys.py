"""API keys in Redis: what is remembered, and that nobody writes over another's change."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from .doors import AT, Body, Doors, key

Run = Callable[[Body], None]


def test_a_key_is_found_again_with_all_that_is_known_of_it(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        whole = key("a", expires=AT + timedelta(days=1), revoked=AT, scopes=("read", "trigger:*/*"))
        assert await d.write(key("b", created=AT + timedelta(1)), whole)
        await d.apikeys.used("a", AT)
        ring = await d.apikeys.ring()
        assert [one.id for one in ring.keys] == ["a", "b"], "oldest first"
        assert ring.keys[0] == replace(whole, last_used=AT)
        assert (await d.apikeys.knock("a", "10.0.0.1")).key == ring.keys[0]
        assert (await d.apikeys.knock("b", "10.0.0.1")).key == ring.keys[1]

    at_doors(body)


@pytest.mark.parametrize("identity", ["c", ""])
def test_what_is_no_key_is_not_found(identity: str, at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        assert not await d.apikeys.any()
        await d.write(key("a"))
        await d.apikeys.used("a", AT)
        assert await d.apikeys.any()
        assert (await d.apikeys.knock(identity, "")).key is None
        assert [one.id for one in (await d.apikeys.ring()).keys] == ["a"]

    at_doors(body)


def test_who_saw_an_older_ring_changes_nothing(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        assert await d.write(key("a"), revision=0)
        assert not await d.write(key("b"), revision=0)
        assert await d.write(replace(key("a"), revoked=AT), revision=1, action="key.revoke")
        ring = await d.apikeys.ring()
        assert [(one.id, one.revoked) for one in ring.keys] == [("a", AT)]
        assert ring.revision == 2
        assert [entry.action for entry in await d.audit.newest(10)] == ["key.revoke", "key.create"]

    at_doors(body)


def test_a_change_that_is_sent_twice_is_made_and_told_once(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        both = key("a"), key("b")
        assert await d.write(*both, revision=0)
        assert await d.write(*both, revision=0), "its answer was lost, and it was sent again"
        assert (await d.apikeys.ring()).revision == 1
        assert len(await d.audit.newest(10)) == 1

    at_doors(body)


def test_that_a_key_was_used_does_not_bring_it_back(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        await d.write(key("a"))
        await d.write(replace(key("a"), revoked=AT))
        await d.apikeys.used("a", AT)
        assert (await d.apikeys.ring()).keys == (replace(key("a"), revoked=AT, last_used=AT),)

    at_doors(body)
