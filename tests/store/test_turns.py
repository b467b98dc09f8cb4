"""Schedules with overlap policies, their runs and the ends of these, in any order, each call perhaps applied twice."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from worker.domain.fate import Fate
from worker.domain.outcome import Decision, Status
from worker.domain.schedule import Overlap
from worker.domain.trigger import Trigger, TriggerState
from worker.store.attempts import Claimed
from worker.store.cursors import Cursor
from worker.store.items import Entry, Item

from .stores import LONG_AGO, NOW, Store, end, look, make, settled

POLICIES = {policy.value.replace("_", "-"): policy for policy in Overlap}
HOME = {
    "waiting": {"ready", "delayed", "held"},
    "dispatched": {"inflight"},
    "claimed": {"inflight"},
    "started": {"following"},
    "dead": {"dead"},
}
PLACES = ("ready", "delayed", "inflight", "held", "following", "dead")
GOING_ON = {"waiting", "dispatched", "claimed", "started"}
ENDED = {fate.value for fate in Fate} | {"dead"}
SEEN = {fate.value for fate in Fate} | {"skipped", "cancelled", "discarded"}

actors = st.integers(0, 1)
schedules = st.sampled_from(sorted(POLICIES))
chosen = st.integers(0, 99)
twice = st.booleans()


class Turns(RuleBasedStateMachine):
    """A beat that fires, admits, follows and reacts; two workers; a person who cancels, discards and replays."""

    def __init__(self, url: str) -> None:
        super().__init__()
        with redis.Redis.from_url(url) as client:
            client.flushall()
        self.runner = asyncio.Runner()
        self.store = self.runner.run(self._open(url))
        self.triggers: list[Trigger] = []
        self.hands: list[list[Claimed]] = [[], []]
        self.deaths: dict[str, int] = {}
        self.replayed: set[str] = set()
        self.tokens = 0

    @staticmethod
    async def _open(url: str) -> Store:
        return Store(url, first=100)

    def teardown(self) -> None:
        self._drive_to_the_end()
        self.runner.run(self.store.redis.aclose())
        self.runner.close()

    def do(self, call: Any, again: bool = False) -> Any:
        """Call, and once more if the answer was lost: then nothing changes any more."""
        answer = self.runner.run(call())
        if again:
            before = self.runner.run(self.store.content())
            self.runner.run(call())
            assert self.runner.run(self.store.content()) == before
        return answer

    def states(self) -> dict[str, dict[str, str]]:
        ids = [trigger.id for trigger in self.triggers]
        return dict(zip(ids, self.do(lambda: self.store.triggers.get(ids)), strict=True))

    def pick(self, number: int, *states: str) -> str | None:
        """Choose a trigger in one of the states."""
        found = [identity for identity, fields in self.states().items() if fields["state"] in states]
        return found[number % len(found)] if found else None

    # --- what happens

    @rule(schedule=schedules, again=twice)
    def fire(self, schedule: str, again: bool) -> None:
        if len(self.triggers) >= 12:
            return
        when = LONG_AGO + timedelta(seconds=len(self.triggers))
        trigger = make(f"{schedule}{len(self.triggers)}", schedule=schedule, fire_time=when, due=when)
        before = self.do(lambda: self.store.cursors.some([schedule])).get(schedule)
        policy = POLICIES[schedule]
        cursor = Cursor(at=when, revision="r", taken=before.taken + 1 if before else 1)
        entry = Entry(
            trigger=trigger,
            fire_time=when,
            ledger={"fire_time": when.isoformat(), "decision": "fired"},
            overlap=None if policy is Overlap.ALLOW else policy,
        )
        expected = before.form() if before else ""
        item = Item(name=schedule, expected=expected, cursor=cursor.form(), entries=[entry])
        self.do(lambda: self.store.triggers.record([item]), again)
        self.triggers.append(trigger)

    @rule(again=twice)
    def admit(self, again: bool) -> None:
        self.do(self.store.triggers.admit, again)

    @rule()
    def dispatch(self) -> None:
        self.do(self.store.limits.dispatch)

    @rule(actor=actors)
    def claim(self, actor: int) -> None:
        self.tokens += 1
        token = f"{actor}-{self.tokens}"
        ids = [trigger.id for trigger in self.triggers]
        self.hands[actor] = self.do(lambda: self.store.triggers.claim(ids, token)) if ids else []

    @rule(actor=actors, again=twice, status=st.sampled_from([Status.STARTED, Status.RETRYING, Status.DEAD]))
    def settle(self, actor: int, again: bool, status: Status) -> None:
        for claim in self.hands[actor]:
            self.do(lambda c=claim: self.store.triggers.sending([c.trigger.id], c.token))
            result = settled(claim.trigger.id, status, wait=NOW, decision=Decision.EXHAUSTED)
            (written,) = self.do(lambda r=result, c=claim: self.store.triggers.settle([r], c.token, 0), again)
            if written and status is Status.DEAD:
                self._died(claim.trigger.id)
        self.hands[actor] = []

    @rule(number=chosen, again=twice)
    def goes_on(self, number: int, again: bool) -> None:
        if identity := self.pick(number, "started"):
            seen = look(identity, outcome={"status": "running", "trigger": identity}, verified=False)
            self.do(lambda: self.store.following.write([seen]), again)

    @rule(number=chosen, again=twice, fate=st.sampled_from(list(Fate)))
    def ends(self, number: int, again: bool, fate: Fate) -> None:
        if identity := self.pick(number, "started", *SEEN):
            seen = end(identity, fate)
            self.do(lambda: self.store.following.write([seen]), again)

    @rule(again=twice)
    def react(self, again: bool) -> None:
        """See to the oldest event, as the beat does."""
        events = self.do(self.store.happened)
        if events:
            event = events[0]
            state = self.states()[event.fields["trigger"]]
            commands = [self.store.results.over(state["schedule"], event.fields["trigger"])]
            if state["state"] in GOING_ON:
                commands = []  # it was let wait again
            item = Item(take=self.store.events.taken(event), commands=commands)
            self.do(lambda: self.store.triggers.record([item]), again)

    @rule(number=chosen)
    def lease_runs_out(self, number: int) -> None:
        if identity := self.pick(number, "dispatched", "claimed"):
            self.do(lambda: self.store.redis.zadd(self.store.keys.inflight, {identity: 0}, xx=True))
            self.do(self.store.triggers.reclaim)
            if self.states()[identity]["state"] == "dead":
                self._died(identity)

    @rule(number=chosen, again=twice)
    def cancel(self, number: int, again: bool) -> None:
        if identity := self.pick(number, "waiting", "dispatched"):
            told = {"status": "cancelled", "trigger": identity}
            self.do(lambda: self.store.triggers.withdraw(identity, TriggerState.CANCELLED, told), again)

    @rule(number=chosen, again=twice)
    def replay(self, number: int, again: bool) -> None:
        if identity := self.pick(number, "dead"):
            self.replayed.add(identity)
            self.do(lambda: self.store.triggers.replay(identity), again)

    @rule(number=chosen, again=twice)
    def shows_late(self, number: int, again: bool) -> None:
        """A run is there of a trigger that was sent, and then given up or lent to somebody else."""
        sent = [each for each, fields in self.states().items() if fields.get("unclear") and fields["state"] not in SEEN]
        for identity in sent[number % len(sent) :][:1] if sent else []:
            self.replayed.add(identity)
            self.do(lambda i=identity: self.store.triggers.settle([settled(i, Status.STARTED)], "stale", 0), again)

    def _died(self, identity: str) -> None:
        self.deaths[identity] = self.deaths.get(identity, 0) + 1

    # --- what holds

    @invariant()
    def it_all_fits_together(self) -> None:
        now = self.runner.run(Seen.of(self.store, [trigger.id for trigger in self.triggers]))
        each_is_where_its_state_says(now)
        one_run_at_a_time(now, self.replayed)
        what_is_going_on_has_not_ended_or_its_end_is_not_seen_to(now)
        each_end_is_told_once(now)
        an_end_has_one_event(now, self.deaths)

    def _drive_to_the_end(self) -> None:
        """Whatever has happened: once all goes well, each trigger has its turn, and nothing is left."""
        for _ in range(3 * len(self.triggers)):
            if not any(fields["state"] not in SEEN | ENDED for fields in self.states().values()):
                break
            self.runner.run(self._time_goes_by())
            self.admit(again=False)
            self.dispatch()
            self.claim(0)
            self.settle(0, again=False, status=Status.STARTED)
            started = [identity for identity, fields in self.states().items() if fields["state"] == "started"]
            self.do(lambda s=started: self.store.following.write([end(identity) for identity in s]))
            self._see_to_all()
        self._see_to_all()
        left = {fields["state"] for fields in self.states().values()}
        assert left <= SEEN | ENDED, left
        assert self.do(self.store.results.going) == {}
        assert self.do(self.store.following.count) == 0

    def _see_to_all(self) -> None:
        while self.do(self.store.happened):
            self.react(again=False)

    async def _time_goes_by(self) -> None:
        for trigger in self.triggers:
            for key in (self.store.keys.inflight, self.store.keys.delayed):
                await self.store.redis.zadd(key, {trigger.id: 0}, xx=True)
        await self.store.triggers.reclaim()
        await self.store.redis.delete(self.store.keys.limit)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All that there is, at one moment."""

    states: dict[str, str]
    places: dict[str, set[str]]
    going: dict[str, list[str]]
    events: list[tuple[str, str]]
    outcomes: Counter[tuple[str, str]]
    runs: set[str]

    @classmethod
    async def of(cls, store: Store, ids: list[str]) -> "Seen":
        async with store.redis.pipeline(transaction=False) as pipe:
            for name in PLACES:
                pipe.zrange(getattr(store.keys, name), 0, -1)
            pipe.hvals(store.keys.runs)
            for identity in ids:
                pipe.hget(store.keys.trigger(identity), "state")
            rows = await pipe.execute()
        members = {name: {each.decode() for each in row} for name, row in zip(PLACES, rows, strict=False)}
        return cls(
            states={identity: state.decode() for identity, state in zip(ids, rows[len(PLACES) + 1 :], strict=True)},
            places={each: {name for name, inside in members.items() if each in inside} for each in ids},
            going=await store.results.going(),
            events=[(event.kind, event.fields["trigger"]) for event in await store.happened()],
            outcomes=Counter((each["status"], each["trigger"]) for each in await store.outcomes.newest(1000)),
            runs={each.decode() for each in rows[len(PLACES)]},
        )


def each_is_where_its_state_says(now: Seen) -> None:
    for identity, state in now.states.items():
        found, wanted = now.places[identity], HOME.get(state, set())
        assert len(found) == bool(wanted), f"{state} is in {found}"
        assert found <= wanted, f"{state} is in {found}"
    assert now.runs == {identity for identity, state in now.states.items() if state == "started"}


def one_run_at_a_time(now: Seen, replayed: set[str]) -> None:
    """But for what a person replays, which goes at once, and for runs that show after they were given up."""
    for schedule, ids in now.going.items():
        if POLICIES[schedule] is not Overlap.ALLOW:
            assert len([each for each in ids if each not in replayed]) <= 1, schedule


def what_is_going_on_has_not_ended_or_its_end_is_not_seen_to(now: Seen) -> None:
    going = {identity for ids in now.going.values() for identity in ids}
    unseen = {identity for _, identity in now.events}
    for identity, state in now.states.items():
        if "held" in now.places[identity]:
            assert identity not in going
        elif state in GOING_ON:
            assert identity in going, state
        else:
            assert identity not in going or identity in unseen, state


def each_end_is_told_once(now: Seen) -> None:
    for identity, state in now.states.items():
        assert sum(now.outcomes[fate.value, identity] for fate in Fate) == (state in set(Fate))
        assert now.outcomes["running", identity] <= 1


def an_end_has_one_event(now: Seen, deaths: dict[str, int]) -> None:
    for (kind, identity), count in Counter(now.events).items():
        assert count <= max(1, deaths.get(identity, 0) if kind == "dead" else 1)


def test_whatever_the_order_a_schedule_has_one_run_at_a_time_and_each_end_is_told_once(redis_url: str) -> None:
    checks = settings(
        max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    run_state_machine_as_test(lambda: Turns(redis_url), settings=checks)
