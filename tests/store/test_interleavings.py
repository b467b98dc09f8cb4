"""Three workers, a beat and a person at once, in any order, each call perhaps applied twice: what holds even so."""

import asyncio
from typing import Any

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from worker.domain.outcome import Status
from worker.domain.trigger import TriggerState
from worker.store.attempts import Claimed
from worker.store.items import Entry, Item

from .stores import LONG, NOW, Store, make, settled

SWEEP = "s"
TRIALS = 6
IDS = {number: make(f"t{number}", sweep=SWEEP, trial=number) for number in range(1, TRIALS + 1)}
PLACES = ("ready", "delayed", "inflight", "dead")
HOME = {"waiting": {"ready", "delayed"}, "dispatched": {"inflight"}, "claimed": {"inflight"}, "dead": {"dead"}}
FINAL = {"started", "discarded"}

actors = st.integers(0, 2)
trials = st.integers(1, TRIALS)
twice = st.booleans()


class Interleavings(RuleBasedStateMachine):
    """The scripts, called by whoever might call them; beside them, the server with its unique names."""

    def __init__(self, url: str) -> None:
        super().__init__()
        with redis.Redis.from_url(url) as client:
            client.flushall()
        self.runner = asyncio.Runner()
        self.store = self.runner.run(self._open(url))
        self.runs: dict[str, int] = {}
        self.final: dict[str, str] = {}
        self.hands: list[list[Claimed]] = [[], [], []]
        self.sent: list[list[Claimed]] = [[], [], []]
        self.tokens = 0

    @staticmethod
    async def _open(url: str) -> Store:
        return Store(url, first=100)

    def teardown(self) -> None:
        self._drive_to_the_end()
        self.runner.run(self.store.redis.aclose())
        self.runner.close()

    def do(self, call: Any, again: bool = False) -> Any:
        """Call, and once more if the answer was lost; gives the last answer, as redis-py does."""
        if again:
            self.runner.run(call())
        return self.runner.run(call())

    def states(self) -> dict[str, dict[str, str]]:
        ids = [trigger.id for trigger in IDS.values()]
        found = self.do(lambda: self.store.triggers.get(ids))
        return {identity: fields for identity, fields in zip(ids, found, strict=True) if fields}

    # --- what happens

    @initialize()
    def sweep(self) -> None:
        self.do(lambda: self.store.sweep(SWEEP, TRIALS))

    @rule(again=twice)
    def record_next(self, again: bool) -> None:
        row = self.do(lambda: self.store.sweeps.get(SWEEP))
        if row.next <= TRIALS:
            entries = [Entry(trigger=IDS[row.next])]
            item = Item(sweep=SWEEP, expected=str(row.next), cursor=str(row.next + 1), entries=entries)
            self.do(lambda: self.store.triggers.record([item]), again)

    @rule(again=twice)
    def dispatch(self, again: bool) -> None:
        self.do(self.store.limits.dispatch, again)

    @rule(actor=actors, again=twice)
    def claim(self, actor: int, again: bool) -> None:
        self.tokens += 1
        token = f"{actor}-{self.tokens}"
        ids = [trigger.id for trigger in IDS.values()]
        self.hands[actor] = self.do(lambda: self.store.triggers.claim(ids, token), again)
        self.sent[actor] = []

    @rule(actor=actors, again=twice)
    def post(self, actor: int, again: bool) -> None:
        """Look where an earlier attempt is unclear, else say so and send; the server starts each name once."""
        for claim in self.hands[actor]:
            if claim.unclear and claim.trigger.id in self.runs:
                self.sent[actor].append(claim)
                continue
            (ours,) = self.do(lambda c=claim: self.store.triggers.sending([c.trigger.id], c.token), again)
            if ours:
                assert self.states()[claim.trigger.id]["unclear"] == "1", "on record before it is sent"
                self.runs.setdefault(claim.trigger.id, 1)
                self.sent[actor].append(claim)
        self.hands[actor] = []

    @rule(actor=actors, again=twice, fate=st.sampled_from([Status.STARTED, Status.RETRYING, Status.DEAD]), soon=twice)
    def settle(self, actor: int, again: bool, fate: Status, soon: bool) -> None:
        """The answer came, or was lost."""
        for claim in self.sent[actor]:
            unclear = {"unclear": 0 if fate is Status.STARTED else 1}
            result = settled(claim.trigger.id, fate, fields=unclear, wait=NOW if soon else LONG)
            self.do(lambda r=result, c=claim: self.store.triggers.settle([r], c.token, 0), again)
        self.sent[actor] = []

    @rule(actor=actors)
    def die(self, actor: int) -> None:
        self.hands[actor], self.sent[actor] = [], []

    @rule(number=trials, again=twice)
    def lease_runs_out(self, number: int, again: bool) -> None:
        self.do(lambda: self.store.redis.zadd(self.store.keys.inflight, {IDS[number].id: 0}, xx=True))
        self.do(self.store.triggers.reclaim, again)

    @rule()
    def time_goes_by(self) -> None:
        for trigger in IDS.values():
            self.do(lambda t=trigger: self.store.redis.zadd(self.store.keys.delayed, {t.id: 0}, xx=True))

    @rule(number=trials, again=twice)
    def cancel(self, number: int, again: bool) -> None:
        self.do(lambda: self.store.triggers.withdraw(IDS[number].id, TriggerState.CANCELLED, {"status": "x"}), again)

    @rule(number=trials, again=twice)
    def discard(self, number: int, again: bool) -> None:
        self.do(lambda: self.store.triggers.withdraw(IDS[number].id, TriggerState.DISCARDED, {"status": "x"}), again)

    @rule(number=trials, again=twice)
    def replay(self, number: int, again: bool) -> None:
        self.do(lambda: self.store.triggers.replay(IDS[number].id), again)

    # --- what holds

    @invariant()
    def each_is_where_its_state_says(self) -> None:
        places = {name: self._members(name) for name in PLACES}
        for identity, fields in self.states().items():
            found = {name for name, members in places.items() if identity in members}
            wanted = HOME.get(fields["state"], set())
            assert found <= wanted, f"{fields['state']} is in {found}"
            assert len(found) == bool(wanted), f"{fields['state']} is in {found}"

    @invariant()
    def a_token_is_a_claim(self) -> None:
        for fields in self.states().values():
            assert ("token" in fields) == (fields["state"] == "claimed")

    @invariant()
    def what_has_ended_stays_so(self) -> None:
        for identity, fields in self.states().items():
            if identity in self.final:
                assert fields["state"] == self.final[identity]
            elif fields["state"] in FINAL:
                self.final[identity] = fields["state"]
            if fields["state"] == "started":
                assert identity in self.runs

    @invariant()
    def a_sweep_knows_what_became_of_its_trials(self) -> None:
        row = self.do(lambda: self.store.sweeps.get(SWEEP))
        states = [fields["state"] for fields in self.states().values()]
        assert row is None or row.recorded == len(states)
        if row is not None:
            active = sum(state in {"waiting", "dispatched", "claimed"} for state in states)
            assert (row.open, row.started) == (active, states.count("started"))

    def _members(self, place: str) -> set[str]:
        key = getattr(self.store.keys, place)
        return {member.decode() for member in self.do(lambda: self.store.redis.zrange(key, 0, -1))}

    def _drive_to_the_end(self) -> None:
        """Whatever has happened: once all goes well, each trigger that nobody ended is started."""
        for _ in range(3):
            self.time_goes_by()
            for number in IDS:
                self.lease_runs_out(number, again=False)
            self.do(lambda: self.store.redis.delete(self.store.keys.limit))
            self.dispatch(again=False)
            self.claim(0, again=False)
            self.post(0, again=False)
            self.settle(0, again=False, fate=Status.STARTED, soon=True)
        left = {fields["state"] for fields in self.states().values()}
        assert left <= {"started", "dead", "cancelled", "discarded"}, left


def test_whatever_the_order_nothing_is_in_two_places_and_what_has_ended_stays_so(redis_url: str) -> None:
    checks = settings(
        max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    run_state_machine_as_test(lambda: Interleavings(redis_url), settings=checks)
