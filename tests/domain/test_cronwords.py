"""When a schedule is due, in words: said by example, and held against the fires themselves."""

import re
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.domain.after import After, Upstream
from worker.domain.cron import Cron, CronError
from worker.domain.cronwords import crons_in_words, in_words, zone_in_words
from worker.domain.fate import Fate
from worker.domain.schedule import Schedule, Target
from worker.domain.timing import Timing

BERLIN = "Europe/Berlin"

BEGIN = datetime(2027, 1, 1, tzinfo=UTC)

TICK = timedelta(microseconds=1)

PROBES = [BEGIN + timedelta(days=17 * number, minutes=67 * number) for number in range(60)]
"""From where the next fire is asked for, all over three years and over the hours of a day."""

TOLD = {
    "0 2 * * *": "every day at 02:00, Berlin time",
    "@daily": "every day at 00:00, Berlin time",
    "@hourly": "every hour",
    "@weekly": "on Sundays at 00:00, Berlin time",
    "@yearly": "on the 1st of January at 00:00, Berlin time",
    "* * * * *": "every minute",
    "*/5 * * * *": "every 5 minutes",
    "3-59/10 * * * *": "every 10 minutes, from minute 3 on",
    # It begins anew with each hour: the last step is shorter.
    "*/7 * * * *": "every 7 minutes from minute 0 to 56 of each hour",
    "15 * * * *": "every hour at minute 15",
    "5,20 * * * *": "every hour at minutes 5 and 20",
    "0-29 * * * *": "every minute from minute 0 to 29 of each hour",
    "0 */2 * * *": "every 2 hours, from 00:00 on, Berlin time",
    "30 */5 * * *": "every 5 hours from 00:30 to 20:30, Berlin time",
    "5 8,12,17 * * *": "every day at 08:05, 12:05 and 17:05, Berlin time",
    "0 9-17 * * 1-5": "every hour from 09:00 to 17:00, Monday to Friday, Berlin time",
    "*/15 8,12 * * *": "every 15 minutes from 08:00 to 08:45 and from 12:00 to 12:45, Berlin time",
    "* 9 * * *": "every minute from 09:00 to 09:59, Berlin time",
    "0 0 1,15 * *": "on the 1st and 15th of each month at 00:00, Berlin time",
    "0 0 L * *": "on the last day of each month at 00:00, Berlin time",
    "0 0 31 * *": "on the 31st of each month (where there is one) at 00:00, Berlin time",
    "0 0 1-7 * *": "on each day from the 1st to the 7th of each month at 00:00, Berlin time",
    "0 0 1-31/2 * *": "every 2 days from the 1st to the 31st of each month at 00:00, Berlin time",
    "0 9 * * FRI#2": "on the second Friday of each month at 09:00, Berlin time",
    "0 9 * * FRIL": "on the last Friday of each month at 09:00, Berlin time",
    "0 9 * * 7,6": "on Saturdays and Sundays at 09:00, Berlin time",
    "0 9 * 6-8 *": "every day from June to August at 09:00, Berlin time",
    "0 9 * 1,7 MON": "on Mondays in January and July at 09:00, Berlin time",
    # Both restricted: one or the other. With a star before it: both.
    "0 2 1 * 1": "on the 1st of each month and also on Mondays at 02:00, Berlin time",
    "0 2 1-31 * 1": "every day at 02:00, Berlin time",
    "0 2 */2 * 1": "",
    "7,22 8-18 * * *": "",
    "1,2,4,8,16,32,59 * * * *": "",
    "0 0 1,2,4,8,16,31 * *": "",
    "0 0 * 1,2,4,5,7,8,10 *": "",
}


@pytest.mark.parametrize(("expression", "words"), TOLD.items())
def test_an_expression_is_told_or_left_to_itself(expression: str, words: str) -> None:
    assert crons_in_words([Cron(expression, BERLIN)]) == words


def test_seconds_are_told() -> None:
    told = {"* * * * * */10": "every 10 seconds", "0 2 * * * 30": "every day at 02:00:30, Berlin time"}
    for expression, words in told.items():
        assert crons_in_words([Cron(expression, BERLIN, seconds=True)]) == words
    assert crons_in_words([Cron("*/5 * * * * 15", BERLIN, seconds=True)]) == ""


def test_what_is_hashed_is_told_as_the_number_that_it_stands_for() -> None:
    cron = Cron("H H * * *", BERLIN, hash_id="nightly")
    fire = cron.next(BEGIN)
    assert fire is not None
    assert crons_in_words([cron]) == f"every day at {fire.astimezone(cron._zone):%H:%M}, Berlin time"


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "UTC"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires time"),
        ("Etc/GMT+5", "by the clock of Etc/GMT+5"),
        ("CET", "by the clock of CET"),
    ],
)
def test_a_zone_is_named(zone: str, words: str) -> None:
    assert zone_in_words(zone) == words


def schedule(timing: Timing, when: str = "", after: After | None = None) -> Schedule:
    return Schedule(
        name="s", target=Target(pipeline="p"), timing=timing, timezone=timing.timezone, when=when, after=after
    )


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=20), "every 20 seconds"),
        (timedelta(seconds=90), "every 90 seconds"),
        (timedelta(minutes=1), "every minute"),
        (timedelta(hours=1), "every hour"),
        # Not "every day": a day has 23 hours when the clocks go forward.
        (timedelta(days=1), "every 24 hours"),
        (timedelta(seconds=1.5), "every 1s500ms"),
    ],
)
def test_an_interval_is_told(length: timedelta, words: str) -> None:
    assert in_words(schedule(Timing(every=length))) == words


def test_instants_are_told_on_the_clock_of_the_zone() -> None:
    winter = datetime(2027, 1, 1, 7, tzinfo=UTC)
    days = [winter + timedelta(days=each) for each in range(5)]
    assert in_words(schedule(Timing(at=(winter,), timezone=BERLIN))) == "once, on 2027-01-01 at 08:00, Berlin time"
    two = in_words(schedule(Timing(at=tuple(days[:2]), timezone=BERLIN)))
    assert two == "on 2027-01-01 at 08:00; 2027-01-02 at 08:00, Berlin time"
    many = in_words(schedule(Timing(at=tuple(days), timezone=BERLIN)))
    assert many == "5 times from 2027-01-01 at 08:00 to 2027-01-05 at 08:00, Berlin time"


def test_several_expressions_are_told_together_or_stand_for_themselves() -> None:
    crons = (Cron("0 2 * * *", BERLIN), Cron("*/5 * * * *", BERLIN))
    told = in_words(schedule(Timing(crons=crons, timezone=BERLIN), "0 2 * * *, */5 * * * *"))
    assert told == "every day at 02:00; every 5 minutes, Berlin time"
    strange = (*crons, Cron("7,22 8-18 * * *", BERLIN))
    assert in_words(schedule(Timing(crons=strange, timezone=BERLIN), "as written")) == "as written"


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (After(upstreams=(Upstream(schedule="a"),)), "when a has completed"),
        (
            After(upstreams=(Upstream(schedule="a"), Upstream(pipeline="etl", on=frozenset(Fate)))),
            "when a has completed or a run of the pipeline etl has ended",
        ),
        (
            After(
                upstreams=(Upstream(schedule="a", on=frozenset({Fate.FAILED, Fate.COMPLETED})), Upstream(schedule="b")),
                together=True,
                window=timedelta(hours=12),
            ),
            "when a has ended as completed or failed and b has completed, the first waiting for 12h at most",
        ),
    ],
)
def test_what_is_followed_is_told(after: After, words: str) -> None:
    assert in_words(schedule(Timing(follows=True), after=after)) == words


# --- held against the fires


def fields(numbers: st.SearchStrategy[int], step: int) -> st.SearchStrategy[str]:
    pairs = st.tuples(numbers, numbers).map(lambda pair: f"{min(pair)}-{max(pair)}")
    stepped = st.integers(2, step).map(lambda by: f"*/{by}")
    listed = st.lists(numbers, min_size=1, max_size=5).map(lambda found: ",".join(map(str, found)))
    return st.one_of(st.just("*"), listed, pairs, stepped)


EXPRESSIONS = st.tuples(
    fields(st.integers(0, 59), 40),
    fields(st.integers(0, 23), 13),
    st.one_of(st.just("*"), fields(st.integers(1, 31), 15), st.just("L")),
    st.one_of(st.just("*"), st.just("*"), fields(st.integers(1, 12), 7)),
    st.one_of(st.just("*"), fields(st.integers(0, 6), 4), st.sampled_from(["1#2", "5L", "0L,3#1"])),
).map(" ".join)


def cron_of(expression: str) -> Cron | None:
    try:
        return Cron(expression, "UTC")
    except CronError:
        return None  # a day that does not exist, or # beside a day of the month


def some_fires(cron: Cron) -> list[datetime]:
    return list(islice(cron.between(BEGIN - TICK, BEGIN + timedelta(days=365 * 9)), 60))


def day_of(fire: datetime, cron: Cron) -> set[str]:
    begin = fire.replace(hour=0, minute=0)
    return {f"{each:%H:%M}" for each in cron.between(begin - TICK, begin + timedelta(days=1) - TICK)}


DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_the_words_hold_for_every_fire(expression: str) -> None:
    cron = cron_of(expression)
    words = crons_in_words([cron]) if cron else ""
    if not cron or not words:
        return
    fires = some_fires(cron)
    if listed := re.search(r" at (\d\d:\d\d(?:(?:, | and )\d\d:\d\d)*), UTC$", words):
        assert set(re.findall(r"\d\d:\d\d", listed[1])) == {f"{fire:%H:%M}" for fire in fires}
    if spans := re.findall(r"from (\d\d:\d\d) to (\d\d:\d\d)", words):
        times = day_of(fires[0], cron)
        assert all(any(low <= time <= high for low, high in spans) for time in times)
        assert {edge for span in spans for edge in span} <= times
    only_days = re.search(r"(?:^|, )on ((?:\w+days(?:, | and )?)+)(?: at|, UTC)", words)
    if only_days:
        assert {each for each in DAYS if each in only_days[1]} >= {
            DAYS[fire.weekday()] for fire in map(cron.next, PROBES) if fire
        }
    if step := re.match(r"every (\d+) minutes(?:, from minute \d+ on)?(?:, UTC)?$", words):
        assert {later - sooner for sooner, later in pairwise(fires)} == {timedelta(minutes=int(step[1]))}


VARIANTS = {
    "minute": ("0", "*", "*/15", "0,15,30,45", "0-59", "0-59/15", "*/7", "0,7,14,21,28,35,42,49,56", "30"),
    "hour": ("2", "*", "0-23", "*/2", "0-22/2", "9-17", "9-16", "1,2,3"),
    "day": ("*", "1-31", "*/2", "1-31/2", "1", "L", "1,3"),
    "month": ("*", "1-12", "1", "*/3", "1,4,7,10"),
    "weekday": ("*", "0-6", "1-5", "MON-FRI", "1", "*/2", "0,2,4,6", "1#1", "1L"),
}


@settings(max_examples=100, deadline=None)
@given(*[st.tuples(*map(st.sampled_from, VARIANTS.values())).map(" ".join)] * 2)
def test_two_of_the_same_words_have_the_same_fires(one: str, other: str) -> None:
    # Of one field at a time, so that equal words come about often.
    for place in range(5):
        mixed = [*one.split()]
        mixed[place] = other.split()[place]
        first, second = cron_of(one), cron_of(" ".join(mixed))
        if first and second and (words := crons_in_words([first])) and words == crons_in_words([second]):
            assert [*map(first.next, PROBES)] == [*map(second.next, PROBES)], (one, mixed)
