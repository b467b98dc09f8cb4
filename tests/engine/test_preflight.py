"""What would not start is told before it is due."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.engine.night import Night
from worker.domain.schedule import Schedule
from worker.engine.alerting import Alerting
from worker.engine.preflight import Preflight

MINUTE = timedelta(minutes=1)
TOLD = "{to: 'https://a.example/'}"


class Ahead:
    """A preflight at a time that the test sets."""

    def __init__(self, n: Night, now: datetime) -> None:
        self.n, self.begun, self.now = n, now, now
        self.checks = Preflight(
            zenml=n.engine.zenml,
            triggers=n.engine.triggers,
            past=n.duties.past,
            alerting=Alerting(n.engine.alerts, n.engine.settings.receivers, ()),
            now=lambda: self.now,
        )

    @classmethod
    async def of(cls, n: Night) -> "Ahead":
        return cls(n, await n.now())

    async def look(self, after: timedelta = timedelta()) -> list[str]:
        """Look some time later; gives what was told so far, by schedule."""
        self.now += after
        upcoming: list[tuple[datetime, Schedule]] = self.n.scheduler.upcoming(self.begun + 30 * MINUTE)
        await self.checks.round(upcoming, self.n.fence)
        return [f"{one.alert.schedule}: {one.alert.reason}" for one in await self.n.letters("missed")]


async def define(n: Night, *lines: str, names: tuple[str, ...] = ("s",)) -> Ahead:
    """Define schedules that are due in a while, and look at the time."""
    due = (await n.now() + 10 * MINUTE).isoformat()
    common = ["  pipeline: training", f"  at: '{due}'", f"  notify: {TOLD}", *(f"  {line}" for line in lines)]
    n.define("\n".join(line for name in names for line in (f"- name: {name}", *common)) + "\n")
    await n.step()
    return await Ahead.of(n)


def test_what_would_start_is_told_to_nobody(night: Any) -> None:
    async def body(n: Night) -> None:
        ahead = await define(n)
        assert await ahead.look() == []
        asked = n.demo.state.requests.total()
        assert await ahead.look(MINUTE) == []
        assert n.demo.state.requests.total() == asked, "it was found well, and is not looked at again soon"
        assert n.demo.state.posts == 0
        assert await n.engine.alerts.incidents() == []

    night(body)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("template: gone", 'no run template for pipeline training is named "gone"'),
        ("config: {steps: {model_trainer: {parameters: {lrr: 1}}}}", "lrr"),
        ("config: {steps: {trainer: {parameters: {lr: 1}}}}", "trainer"),
        ("config: {steps: {model_trainer: {parameters: {lr: '{{ last_success.run_id }}'}}}}", "cannot be rendered"),
    ],
)
def test_what_would_not_start_is_told_once_before_it_is_due(line: str, why: str, night: Any) -> None:
    async def body(n: Night) -> None:
        ahead = await define(n, line)
        (told,) = await ahead.look()
        assert told.startswith("s: it would not start at ")
        assert why in told
        for minutes in (1, 16, 32):
            assert await ahead.look(minutes * MINUTE) == [told]
        assert await n.ledger() == []
        (incident,) = await n.engine.alerts.incidents()
        assert incident.count == 0, "none has been missed yet"

    night(body)


def test_a_template_that_is_deleted_meanwhile(night: Any) -> None:
    async def body(n: Night) -> None:
        ahead = await define(n, "template: production")
        assert await ahead.look() == []
        n.demo.state.catalogue.templates.clear()
        (told,) = await ahead.look(16 * MINUTE)
        assert "production" in told

    night(body)


def test_a_login_that_is_refused_is_told_when_it_lasts(night: Any) -> None:
    async def body(n: Night) -> None:
        ahead = await define(n)
        assert await ahead.look() == []
        (told,) = await ahead.look(61 * timedelta(seconds=1))
        assert "would not start" in told

    night(body, ZENML_STORE_API_KEY="ZENKEY_wrong")


def test_a_server_that_is_away_for_less_than_a_minute_is_no_news(night: Any) -> None:
    async def body(n: Night) -> None:
        ahead = await define(n)
        seconds = timedelta(seconds=20)
        n.demo.faults.add("status", status=503, times=100_000)
        assert await ahead.look() == []
        assert await ahead.look(seconds) == []
        assert await ahead.look(seconds) == []
        n.demo.faults.clear()
        assert await ahead.look(seconds) == []
        n.demo.faults.add("status", status=503, times=100_000)
        assert await ahead.look(16 * MINUTE) == [], "that was another time"
        assert len(await ahead.look(3 * seconds)) == 1
        n.demo.faults.clear()

    night(body)


def test_many_with_one_target_cost_one_question(night: Any) -> None:
    async def body(n: Night) -> None:
        names = tuple(f"s{number}" for number in range(20))
        ahead = await define(n, names=names)
        before = n.demo.state.requests.total()
        assert await ahead.look() == []
        assert n.demo.state.requests.total() - before <= 8

    night(body)


def test_a_paused_schedule_is_not_looked_at(night: Any) -> None:
    async def body(n: Night) -> None:
        ahead = await define(n, "template: gone", names=("s", "t"))
        await n.pause("s")
        (told,) = await ahead.look()
        assert told.startswith("t: ")

    night(body)


def test_a_fault_of_ours_with_one_is_no_fault_of_the_others(night: Any, monkeypatch: Any) -> None:
    async def body(n: Night) -> None:
        ahead = await define(n, "template: gone", names=("s", "t"))
        checks: Any = ahead.checks
        real, asked = checks._fault, []

        async def once(schedule: Schedule, *given: Any) -> Any:
            asked.append(schedule.name)
            if len(asked) == 1:
                raise RuntimeError("a fault of ours")
            return await real(schedule, *given)

        monkeypatch.setattr(checks, "_fault", once)
        (told,) = await ahead.look()
        assert told.startswith(f"{asked[1]}: ")

    night(body)
