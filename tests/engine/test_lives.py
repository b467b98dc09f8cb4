"""The life of a trigger in stages: from what is on record, and only from that."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.engine.conftest import Flow
from worker.domain.trigger import Origin, Trigger, TriggerState
from worker.engine.lifewords import sentence_of
from worker.engine.lives import Span, Stage, read_life, spans_of
from worker.store.codec import milliseconds

T0 = datetime(2030, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def ms(seconds: float) -> str:
    return str(milliseconds(at(seconds)))


def told(status: str, seconds: float, **more: Any) -> dict[str, str]:
    plain = {key: at(value).isoformat() if isinstance(value, float) else str(value) for key, value in more.items()}
    return {"id": f"{ms(seconds)}-0", "status": status, "at": at(seconds).isoformat(), **plain}


def life(*outcomes: dict[str, str], now: float = 1000.0, due: float = 0.0, **fields: Any) -> list[Span]:
    trigger = Trigger(id="t", origin=Origin.API, source="k", pipeline="p", run_name="r", due=at(due))
    known = {key: ms(value) if isinstance(value, float) else str(value) for key, value in fields.items()}
    return spans_of(trigger, {"state": "waiting", "recorded": ms(0), **known}, outcomes, at(now))


def shape(spans: list[Span]) -> list[tuple[Stage, float, float | None, str]]:
    return [
        (
            span.stage,
            (span.begin - T0).total_seconds(),
            (span.end - T0).total_seconds() if span.end else None,
            span.word,
        )
        for span in spans
    ]


def test_a_run_that_was_taken_at_once_has_each_stage_up_to_its_end() -> None:
    spans = life(
        told("started", 4.0, dispatched=1.0, claimed=2.0, sent=3.0, attempts="1"),
        told("running", 6.0),
        told("completed", 12.0),
        state="completed",
        accepted=4.0,
        run_ended=10.0,
    )
    assert shape(spans) == [
        (Stage.READY, 0, 1, ""),
        (Stage.QUEUED, 1, 2, ""),
        (Stage.PREPARED, 2, 3, ""),
        (Stage.ANSWER, 3, 4, "started"),
        (Stage.STARTING, 4, 6, ""),
        (Stage.RUNNING, 6, 10, "completed"),
    ]


def test_every_attempt_has_its_own_stages_and_what_zenml_answered() -> None:
    spans = life(
        told(
            "retrying",
            2.0,
            attempts=1,
            dispatched=0.0,
            claimed=0.0,
            sent=1.0,
            next_try=10.0,
            http_status=503,
            reason="is away",
        ),
        told("retrying", 6.0, attempts=2, dispatched=5.0, claimed=5.0, sent=5.0, next_try=8.0),
        told("dead", 9.0, dispatched=8.0, claimed=8.5, attempts="2", reason="no such pipeline"),
        state="dead",
        ended=9.0,
    )
    assert [(span.attempt, span.http_status, span.about) for span in spans if span.word] == [
        (1, 503, "is away"),
        (2, None, ""),
        (3, None, "no such pipeline"),
    ]
    # It was asked again before its time, because there was room.
    assert (Stage.BACKOFF, 2, 5, "") in shape(spans)
    assert (Stage.BACKOFF, 6, 8, "") in shape(spans)
    assert shape(spans)[-2:] == [(Stage.PREPARED, 8.5, 9, "dead"), (Stage.DEAD, 9, None, "")]


def test_a_worker_whose_clock_is_behind_does_not_make_the_answer_shorter() -> None:
    spans = life(told("started", 1.5, dispatched=1.0, claimed=1.2, sent=1.0, attempts="1"), state="started")
    assert shape(spans)[2:] == [(Stage.ANSWER, 1.2, 1.7, "started"), (Stage.STARTING, 1.7, None, "")]


def test_what_the_stream_has_lost_is_told_from_the_hash() -> None:
    spans = life(state="failed", accepted=1.0, run_ended=9.0, reason="a step failed")
    assert shape(spans) == [
        (Stage.TRIED, 0, 1, "started"),
        (Stage.STARTING, 1, 9, "failed"),
    ]
    assert spans[-1].about == "a step failed"


def test_a_replay_ends_the_time_as_a_dead_letter() -> None:
    died = told("dead", 1.0, dispatched=0.0, claimed=0.5, attempts="1")
    assert shape(life(died, state="waiting", replayed=50.0))[1:] == [
        (Stage.PREPARED, 0.5, 1, "dead"),
        (Stage.DEAD, 1, 50, ""),
        (Stage.READY, 50, None, ""),
    ]
    again = told("started", 61.0, dispatched=60.0, claimed=60.0, sent=60.0, attempts="1")
    assert shape(life(died, again, state="started", replayed=50.0))[2:5] == [
        (Stage.DEAD, 1, 50, ""),
        (Stage.READY, 50, 60, ""),
        (Stage.ANSWER, 60, 61, "started"),
    ]


@pytest.mark.parametrize(
    ("fields", "stage", "begin"),
    [
        ({"state": "dispatched", "dispatched": 3.0}, Stage.QUEUED, 3),
        ({"state": "claimed", "dispatched": 3.0, "claimed": 4.0}, Stage.PREPARED, 4),
        ({"state": "claimed", "dispatched": 3.0, "claimed": 4.0, "sent": 5.0}, Stage.ANSWER, 5),
        ({"state": "waiting"}, Stage.READY, 0),
    ],
)
def test_what_goes_on_now_is_open(fields: dict[str, Any], stage: Stage, begin: float) -> None:
    assert shape(life(**fields))[-1] == (stage, begin, None, "")


def test_the_stamps_of_an_attempt_before_tell_nothing_of_the_one_that_goes_on() -> None:
    failed = told("retrying", 5.0, attempts=1, dispatched=1.0, claimed=2.0, sent=3.0, next_try=7.0)
    spans = life(failed, state="dispatched", dispatched=8.0, claimed=2.0, sent=3.0)
    assert shape(spans)[-3:] == [
        (Stage.BACKOFF, 5, 7, ""),
        (Stage.READY, 7, 8, ""),
        (Stage.QUEUED, 8, None, ""),
    ]


def test_what_ends_it_before_it_was_sent_has_its_reason() -> None:
    for status in ("cancelled", "skipped", "discarded"):
        spans = life(told(status, 7.0, reason="by ada"), state=status, ended=7.0)
        assert shape(spans) == [(Stage.READY, 0, 7, ""), (Stage.ENDED, 7, 7, status)]
        assert spans[-1].about == "by ada"


def test_a_trigger_that_was_buried_by_a_script_has_no_attempt() -> None:
    outcome = {"id": f"{ms(30)}-0", "status": "dead", "reason": "could not be sent in time"}
    spans = life(outcome, state="dead", ended=30.0)
    assert shape(spans) == [(Stage.READY, 0, 30, "dead"), (Stage.DEAD, 30, None, "")]
    assert spans[0].attempt is None


@pytest.mark.parametrize(
    ("spans", "held", "fields", "said"),
    [
        (life(due=5000.0), "", {}, "It is due in 1 h."),
        (life(), "", {}, "It waits for its turn"),
        (
            life(told("retrying", 5.0, attempts=1, next_try=1060.0)),
            "",
            {},
            "The last attempt failed; the next try is in 1 min.",
        ),
        (
            life(told("retrying", 5.0, attempts=1, next_try=9.0)),
            "",
            {},
            "The last attempt failed; it waits for its turn",
        ),
        (life(), "by overlap: buffer_one", {}, "It is held by overlap: buffer_one."),
        (life(), "", {"state": "dispatched"}, "It is queued for the workers."),
        (life(), "", {"state": "dispatched", "unheard": "3"}, "no worker came"),
        (life(), "", {"state": "dead"}, "will not be tried again by itself"),
    ],
)
def test_how_it_stands_is_said_in_a_sentence(spans: list[Span], held: str, fields: dict[str, str], said: str) -> None:
    assert said in sentence_of({"state": "waiting", **fields}, spans, held, at(1000))


def test_every_state_has_its_sentence() -> None:
    for state in TriggerState:
        assert sentence_of({"state": state.value}, [], "", T0).endswith((".", "?"))


def test_what_is_recorded_makes_a_whole_life(flow: Any, demo: Any) -> None:
    async def body(f: Flow) -> None:
        identity = await f.ask()
        await f.settle()
        nobody = await f.ask(pipeline="nobody", idempotency_key="n")
        await f.settle()
        stages = [span.stage for span in (await read_life(f.engine, await f.state(identity))).spans]
        assert stages[-2:] == [Stage.ANSWER, Stage.STARTING]
        # What took less than a millisecond is not told.
        assert set(stages[:-2]) <= {Stage.READY, Stage.QUEUED, Stage.PREPARED}
        dead = (await read_life(f.engine, await f.state(nobody))).spans
        assert [span.stage for span in dead][-2:] == [Stage.PREPARED, Stage.DEAD]
        assert all(span.begin <= (span.end or f.engine.clock() + timedelta(seconds=1)) for span in dead)

    flow(body)


def test_an_attempt_that_failed_tells_how_zenml_answered(flow: Any, demo: Any) -> None:
    async def body(f: Flow) -> None:
        demo.faults.add("status", match="POST .*/runs$", status=503, times=1)
        identity = await f.ask()
        await f.settle()
        failed = [span for span in (await read_life(f.engine, await f.state(identity))).spans if span.attempt == 1]
        assert [(span.stage, span.word, span.http_status) for span in failed] == [(Stage.ANSWER, "retrying", 503)]
        state = await f.state(identity)
        assert (state["state"], "reason" in state, "code" in state) == ("started", False, False)

    flow(body)


def test_that_a_failed_run_is_started_again_is_told_and_is_no_attempt() -> None:
    announced = told("retrying", 0.0, next_try=7.0, reason="a step failed; run 2 of 2 follows")
    begun = told("started", 9.0, dispatched=8.0, claimed=8.0, sent=8.5, attempts="1")
    spans = life(announced, begun, due=7.0, state="started")
    assert shape(spans) == [
        (Stage.DUE, 0, 7, ""),
        (Stage.TOLD, 0, 0, "retrying"),
        (Stage.READY, 7, 8, ""),
        (Stage.PREPARED, 8, 8.5, ""),
        (Stage.ANSWER, 8.5, 9, "started"),
        (Stage.STARTING, 9, None, ""),
    ]
    assert [span.attempt for span in spans if span.attempt] == [1]
    assert "failed" not in sentence_of({"state": "waiting"}, life(announced, due=7.0), "", at(8))
