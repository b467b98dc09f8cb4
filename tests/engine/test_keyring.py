"""Who is let in, and what is told of who is not."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from worker.domain.apikey import KeyStanding
from worker.domain.errors import CallRefused, Conflict, InvalidInput, Unknown, ZenbeatError
from worker.engine import keychanges
from worker.engine.keychanges import Made
from worker.engine.keyring import MISSING, UNKNOWN, Keyring
from worker.engine.refusing import Call
from worker.engine.runtime import Engine, open_engine
from worker.settings import load_settings

CALL = Call(address="10.0.0.1", what="POST /api/v1/triggers", request_id="r-1")
ELSEWHERE = Call(address="10.0.0.2", what="GET /api/v1/outcomes")
GONE = timedelta(0)
HOUR = timedelta(hours=1)


class Door:
    """An engine, and a door with its keys."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.keyring = Keyring(engine)

    async def make(self, name: str = "ci", *scopes: str, **options: Any) -> Made:
        return await keychanges.create(
            self.engine, name, scopes or ("read",), **{"rate": 0, "by": "cli:ann", **options}
        )

    async def refused(self, text: str | None, call: Call = CALL) -> CallRefused:
        with pytest.raises(CallRefused) as refused:
            await self.keyring.admit(text, call)
        return refused.value

    async def told(self) -> list[str]:
        """Give the actions in the audit log, oldest first."""
        return [entry.action for entry in (await self.engine.audit.newest(100))[::-1]]

    async def calls(self) -> list[str]:
        return [action for action in await self.told() if action.startswith("call.")]


Body = Callable[[Door], Awaitable[None]]


@pytest.fixture
def at_door(redis_url: str) -> Callable[[Body], None]:
    async def publish(_: object) -> None: ...

    def go(body: Body) -> None:
        async def scope() -> None:
            engine = open_engine(load_settings({"REDIS_URL": redis_url}), publish)
            try:
                await body(Door(engine))
            finally:
                await engine.close()

        asyncio.run(scope())

    return go


def altered(text: str) -> str:
    return text[:-1] + ("A" if text[-1] != "A" else "B")


def test_without_any_key_nobody_needs_one(at_door: Any) -> None:
    async def body(d: Door) -> None:
        assert not await d.keyring.closed()
        assert await d.keyring.admit(None, CALL) is None
        assert (await d.refused("zb_guess")).kind == "unknown"

    at_door(body)


@pytest.mark.parametrize("end", ["revoked", "lost"])
def test_once_there_was_a_key_the_door_stays_closed(end: str, at_door: Any) -> None:
    async def body(d: Door) -> None:
        made = await d.make()
        if end == "revoked":
            await keychanges.revoke(d.engine, "ci", by="cli:ann")
            assert await Keyring(d.engine).closed(), "for a new process too"
        else:
            assert await d.keyring.admit(made.text, CALL) is not None
            await d.engine.redis.flushall()
        refused = await d.refused(None)
        assert (refused.kind, str(refused), refused.retry_after) == ("unknown", MISSING, 0)
        assert await d.keyring.closed()

    at_door(body)


def test_a_key_lets_its_caller_in_and_it_is_known_when(at_door: Any) -> None:
    async def body(d: Door) -> None:
        made = await d.make("ci", "read", "trigger:train*", rate=600)
        admitted = await d.keyring.admit(made.text, CALL)
        assert admitted == made.key
        again = await d.keyring.admit(made.text, CALL)
        assert again is not None
        assert again.last_used is not None
        third = await d.keyring.admit(made.text, CALL)
        assert third == again, "written at most once a minute"
        assert await d.calls() == []

    at_door(body)


def test_all_wrong_keys_get_the_same_answer(at_door: Any) -> None:
    async def body(d: Door) -> None:
        known, expired, revoked = await d.make(), await d.make("a", lifetime=HOUR), await d.make("b")
        await keychanges.rotate(d.engine, "a", overlap=GONE, by="cli:ann")
        await keychanges.revoke(d.engine, "b", by="cli:ann")
        other = known.text.replace(known.key.id, "z" * 12)
        for text in (altered(known.text), other, "", "zb_", "nonsense\n", expired.text, revoked.text):
            refused = await d.refused(text)
            assert (refused.kind, str(refused), refused.retry_after) == ("unknown", UNKNOWN, 0)
        reasons = [entry.reason for entry in await d.engine.audit.newest(100) if entry.action == "call.unknown"]
        assert reasons[:2] == ["the key is revoked", "the key is expired"]
        assert set(reasons[2:5]) == {"it does not look like a key"}
        assert reasons[5:] == [f"the secret is not that of a key {name}" for name in ("z" * 12, known.key.id)]

    at_door(body)


def test_who_guesses_is_locked_out_before_anything_is_compared(at_door: Any) -> None:
    async def body(d: Door) -> None:
        made = await d.make()
        for _ in range(10):
            assert (await d.refused(altered(made.text))).kind == "unknown"
        for text in (made.text, altered(made.text), None):
            refused = await d.refused(text)
            assert refused.kind == "locked"
            assert 50 < refused.retry_after <= 60
        assert await d.keyring.admit(made.text, ELSEWHERE) is not None
        assert await d.calls() == ["call.unknown"] * 10 + ["call.locked"], "a lock-out is told once"

    at_door(body)


def test_a_key_that_was_good_once_is_no_guess_and_told_once(at_door: Any) -> None:
    async def body(d: Door) -> None:
        made = await d.make()
        await keychanges.revoke(d.engine, "ci", by="cli:ann")
        for _ in range(12):
            assert (await d.refused(made.text)).kind == "unknown"
            assert (await d.refused(None, ELSEWHERE)).kind == "unknown"
        told = [entry for entry in await d.engine.audit.newest(100) if entry.action == "call.unknown"]
        assert {(entry.who, entry.key_id, entry.address) for entry in told} == {
            ("ci", made.key.id, CALL.address),
            ("", "", ELSEWHERE.address),
        }
        assert await d.calls() == ["call.unknown"] * 2

    at_door(body)


def test_a_key_has_its_rate_from_wherever_it_calls(at_door: Any) -> None:
    async def body(d: Door) -> None:
        made = await d.make(rate=1)
        assert await d.keyring.admit(made.text, CALL) is not None
        for _ in range(3):
            refused = await d.refused(made.text, ELSEWHERE)
            assert refused.kind == "throttled"
            assert 50 < refused.retry_after <= 60
        entries = await d.engine.audit.newest(10)
        assert [entry.action for entry in entries] == ["call.throttled", "key.create"], "a flood is told once"
        assert (entries[0].who, entries[0].what) == ("ci", ELSEWHERE.what)

    at_door(body)


def test_other_doors_refuse_in_the_same_way(at_door: Any) -> None:
    async def body(d: Door) -> None:
        refusing = d.keyring.refusing
        await refusing.check_address(CALL)
        await refusing.check_rate("hook:a", 0, CALL)
        denied = await refusing.denied(Call(address="10.0.0.1", what="POST /x", who="ci"), "needs the scope admin")
        assert (denied.kind, str(denied)) == ("denied", "needs the scope admin")
        for _ in range(10):
            assert (await refusing.wrong(CALL, "the signature is wrong")).kind == "unknown"
        with pytest.raises(CallRefused, match="locked out"):
            await refusing.check_address(CALL)
        entry = (await d.engine.audit.newest(20))[-1]
        assert (entry.action, entry.who, entry.what, entry.reason) == (
            "call.denied",
            "ci",
            "POST /x",
            "needs the scope admin",
        )

    at_door(body)


def test_no_key_gets_into_a_log(at_door: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def body(d: Door) -> None:
        made = await d.make(rate=1)
        secret = made.text.rpartition("_")[2]
        assert await d.keyring.admit(made.text, CALL) is not None
        for text in (made.text, altered(made.text), f"x{made.text}"):
            await d.refused(text)
        assert secret[:-1] not in caplog.text
        assert "call.unknown" in await d.calls()
        known = [await d.engine.redis.hgetall(d.engine.keys.api_keys)]
        known += [await d.engine.redis.xrange(name) for name in (d.engine.keys.audit, d.engine.keys.refusals)]
        assert secret[:20] not in repr(known)

    with caplog.at_level(logging.DEBUG):
        at_door(body)


# --- how keys are made and taken back


def test_a_name_is_one_active_key(at_door: Any) -> None:
    async def body(d: Door) -> None:
        first = await d.make()
        with pytest.raises(Conflict, match="rotate or revoke it") as refused:
            await d.make()
        assert refused.value.known == {"name": "ci"}
        assert await keychanges.revoke(d.engine, first.key.id, by="cli:bob")
        assert await keychanges.revoke(d.engine, first.key.id, by="cli:bob") == []
        second = await d.make()
        assert second.key.id != first.key.id
        revoked = await keychanges.revoke(d.engine, "ci", by="cli:bob")
        assert [key.id for key in revoked] == [second.key.id]
        assert await d.told() == ["key.create", "key.revoke"] * 2

    at_door(body)


def test_a_rotated_key_is_good_beside_the_new_one_for_a_while(at_door: Any) -> None:
    async def body(d: Door) -> None:
        old = await d.make("ci", "operate", lifetime=3 * HOUR, rate=100)
        new = await keychanges.rotate(d.engine, "ci", overlap=HOUR, by="cli:bob")
        assert (await d.keyring.admit(old.text, CALL), await d.keyring.admit(new.text, CALL)) == (new.old, new.key)
        assert (new.key.scopes, new.key.rate, new.key.by) == (("operate",), 100, "cli:bob")
        assert (new.key.expires or new.key.created) - new.key.created == 3 * HOUR
        assert new.old is not None
        assert new.old.expires == new.key.created + HOUR
        last = await keychanges.rotate(d.engine, "ci", overlap=10 * HOUR, by="cli:bob")
        assert last.old is not None
        assert (last.old.id, last.old.expires) == (new.key.id, new.key.expires), "the newest; it is not made longer"
        entry = (await d.engine.audit.newest(1))[0]
        assert (entry.action, entry.what, entry.who) == ("key.rotate", "ci", "cli:bob")
        assert entry.before.count('"id"') == 1
        assert entry.after.count('"id"') == 2
        assert "digest" not in entry.after

    at_door(body)


def test_what_cannot_be_done_with_a_key(at_door: Any) -> None:
    async def body(d: Door) -> None:
        await d.make("main")
        await keychanges.revoke(d.engine, "main", by="cli:ann")
        with pytest.raises(Unknown, match='no key mian; did you mean "main"'):
            await keychanges.rotate(d.engine, "mian", overlap=HOUR, by="cli:ann")
        with pytest.raises(Conflict, match="no key main is active any more"):
            await keychanges.rotate(d.engine, "main", overlap=HOUR, by="cli:ann")
        with pytest.raises(InvalidInput, match="is no name"):
            await d.make("No Name")
        with pytest.raises(InvalidInput, match="is no scope"):
            await d.make("other", "everything")
        assert [key.standing(d.engine.clock()) for key in (await d.engine.apikeys.ring()).keys] == [KeyStanding.REVOKED]

    at_door(body)


def test_many_make_keys_at_once_and_each_name_is_one(at_door: Any) -> None:
    async def body(d: Door) -> None:
        made = await asyncio.gather(*(d.make(f"k{number % 4}") for number in range(8)), return_exceptions=True)
        assert sorted(one.key.name for one in made if isinstance(one, Made)) == ["k0", "k1", "k2", "k3"]
        assert all(isinstance(one, Made | Conflict) for one in made)

    at_door(body)


def test_who_is_never_quick_enough_gives_up(at_door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(d: Door) -> None:
        with pytest.raises(ZenbeatError, match="changed all the time"):
            await d.make()

    monkeypatch.setattr("worker.engine.keychanges.TRIES", 0)
    at_door(body)
