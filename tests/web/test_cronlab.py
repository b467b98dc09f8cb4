"""The cron lab without scripts: what an expression means, when it is due, and what is wrong with it."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import pytest

from tests.api.door import Door
from tests.web.visitor import Visitor, text_of
from worker.domain.cron import Cron
from worker.domain.timing import Timing
from worker.web.charts import monthmap
from worker.web.cronlab import EXAMPLES


def lab(expression: str, **more: str) -> str:
    return f"/cron?{urlencode({'expression': expression, **more})}"


def see(door: Callable[..., None], path: str, *texts: str) -> None:
    async def body(opened: Door) -> None:
        text = text_of(await Visitor(opened).see(path))
        for each in texts:
            assert each in text, text

    door(body)


def test_empty_it_says_what_to_do(door: Callable[..., None]) -> None:
    see(door, "/cron", "Type an expression, and see when it is due.", "The last day of the month")


def test_a_gap_is_warned_of_and_its_distances_stand_out(door: Callable[..., None]) -> None:
    see(
        door,
        lab("30 2 * * *", timezone="Europe/Berlin", after="2026-03-26"),
        "Every day at 02:30, Berlin time",
        "between 23h30m and 1d apart",
        "▲ The clocks are set near some of these, in Europe/Berlin: clocks go forward 02:00 → 03:00 on Sun 2026-03-29",
        "Sun 2026-03-29 03:00:00 CEST ▲ clocks go forward",
        "2026-03-29 01:00:00 UTC 23h30m ▲ not the usual",
        "March 2026 Mo Tu",
        "29 ▲ the clocks are set ● due",
        "cron: 30 2 * * * timezone: Europe/Berlin",
    )


@pytest.mark.parametrize(
    ("fold", "told"),
    [
        ("", ["Sun 2026-10-25 02:30:00 CEST", "Mon 2026-10-26 02:30:00 CET"]),
        ("last", ["Sun 2026-10-25 02:30:00 CET"]),
        ("both", ["Sun 2026-10-25 02:30:00 CEST", "Sun 2026-10-25 02:30:00 CET", "dst: fold: both"]),
    ],
)
def test_a_fold_is_told_as_its_policy_says(door: Callable[..., None], fold: str, told: list[str]) -> None:
    path = lab("30 2 * * *", timezone="Europe/Berlin", after="2026-10-24T12:00", fold=fold)
    see(door, path, "clocks go back 03:00 → 02:00 on Sun 2026-10-25", *told)


def test_several_expressions_intervals_and_instants(door: Callable[..., None]) -> None:
    see(door, lab("0 2 * * *; 0 14 * * *", after="2026-01-01"), "- 0 2 * * * - 0 14 * * *", "always 12h apart")
    see(door, lab("90s", kind="every", jitter="10s"), "Every 90 seconds", "always 1m30s apart", "Jitter")
    path = lab("2026-02-01T08:00, 2027-01-01T08:00", kind="at", after="2026-01-01")
    see(door, path, "The next 2", "It is never due after that.", "- 2027-01-01T08:00")
    see(door, lab("2020-01-01T08:00", kind="at"), "It is never due after that. See that the time to count from")
    see(door, lab("* * * * * 30", seconds="on", after="2026-01-01"), "2026-01-01 00:00:30 UTC", "seconds: true")


def test_h_and_jitter_follow_from_the_name(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        told = [text_of(await visitor.see(lab("H H * * *", name=name, after="2026-01-01"))) for name in ("a", "a", "b")]
        assert told[0] == told[1] != told[2]

    door(body)


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        (lab("0 25 * * *"), ["0 25 * * * hour 25 is out of range: 0 to 23"]),
        (lab("0 2 * * MOO"), ['day of week "MOO" is not known; did you mean "MON"?']),
        (lab("0 2 * * *; x 2 * * *"), ['x 2 * * * minute "X" is not a number']),
        (lab("0 2 * *"), ["has 4 fields, not the five"]),
        (lab("0 2 * * *", timezone="Europe/Berlni"), ['timezone : time zone "Europe/Berlni"', '"Europe/Berlin"?']),
        (lab("soon", kind="every"), ["every : ", "length of time"]),
        (lab("0 2 * * *", after="later"), ['after : "later" is not a time']),
        (lab("0 2 * * *", name="No No"), ["name : a schedule's name is of small letters"]),
        (lab("0 2 * * *", jitter="much"), ["jitter : "]),
        (lab("0 2 * * *", gap="jump"), ["dst.gap : "]),
        (lab(";"), ["This is not right: "]),
        (lab("<b>0</b> 2 * * *"), ["<b>0</b>"]),
    ],
)
def test_faults_are_told_at_their_place(door: Callable[..., None], path: str, texts: list[str]) -> None:
    see(door, path, "not right:", *texts)


def test_the_part_that_is_wrong_is_marked(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        page = await Visitor(opened).see(lab("0 2 * 13 *"))
        assert re.search(r"<code>0 2 \* <mark>13</mark> \*</code>", page)

    door(body)


def test_the_form_keeps_what_was_asked_and_nonsense_is_left_out(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        page = await visitor.see(
            lab('0 2 * * *"', timezone="Asia/Tokyo", name="nightly", count="50", seconds="on", fold="both")
        )
        assert 'value="0 2 * * *&#34;"' in page
        assert 'value="Asia/Tokyo" list="zones"' in page
        assert "<option selected>50</option>" in page
        assert '<option value="both" selected>' in page
        assert 'value="on" checked' in page
        page = await visitor.see(lab("0 2 * * *", count="9999999", kind="lunar"))
        assert "The next 10" in text_of(page)

    door(body)


def test_a_script_gets_the_answer_alone(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        visitor.http.headers.update({"hx-request": "true", "hx-target": "answer"})
        page = await visitor.see(lab("0 2 * * *"))
        assert "Every day at 02:00" in text_of(page)
        assert "<form" not in page

    door(body)


def test_every_example_can_be_read(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        for _, kind, expression in EXAMPLES:
            assert "not right" not in await Visitor(opened).see(lab(expression, kind=kind)), expression

    door(body)


# --- months and hours

BERLIN = Timing(crons=(Cron("*/30 2,3 * * 6,0", "Europe/Berlin"),), timezone="Europe/Berlin")


def test_months_have_each_day_in_its_week_with_its_fires() -> None:
    march, april = monthmap.months(BERLIN, date(2026, 3, 20), 2)
    assert (march.title, april.title) == ("March 2026", "April 2026")
    assert [len(week) for week in march.weeks] == [7] * 6
    assert all(day is None or day.day.weekday() == index for week in march.weeks for index, day in enumerate(week))
    days = {day.day: day for week in march.weeks for day in week if day}
    assert len(days) == 31
    assert [day.fires for day in days.values()][:8] == [4, 0, 0, 0, 0, 0, 4, 4]
    # On the 29th, there is no 02:00 nor 02:30.
    assert (days[date(2026, 3, 29)].fires, days[date(2026, 3, 29)].clocks) == (2, True)
    assert not days[date(2026, 3, 28)].clocks
    assert march.due == 9


def test_what_is_due_often_is_not_counted_to_the_end() -> None:
    (month,) = monthmap.months(Timing(every=timedelta(seconds=1)), date(2026, 2, 1), 1)
    days = [day for week in month.weeks for day in week if day]
    assert {(day.fires, day.more) for day in days} == {(monthmap.MOST_OF_DAY, True)}


@pytest.mark.parametrize(
    ("day", "labels", "fires"),
    [
        (date(2026, 3, 28), ["01", "02", "03"], [0, 2, 2]),
        (date(2026, 3, 29), ["01", "03"], [0, 2]),
        (date(2026, 10, 25), ["01", "02", "02", "03"], [0, 2, 2, 2]),
    ],
)
def test_a_day_has_the_hours_that_its_clock_shows(day: date, labels: list[str], fires: list[int]) -> None:
    hours = monthmap.hours(BERLIN, day)
    assert [hour.label for hour in hours][1 : 1 + len(labels)] == labels
    assert [hour.fires for hour in hours][1 : 1 + len(fires)] == fires
    assert [hour.x for hour in hours] == [18 * index for index in range(len(hours))]
    tallest = max(hours, key=lambda hour: hour.fires)
    assert (tallest.y, tallest.height) == (0, monthmap.HEIGHT)
    assert len(hours) in {23, 24, 25}


def test_a_day_whose_midnight_is_jumped_over_begins_later() -> None:
    timing = Timing(crons=(Cron("0 * * * *", "America/Santiago"),), timezone="America/Santiago")
    hours = monthmap.hours(timing, date(2026, 9, 6))
    assert [hour.label for hour in hours][:2] == ["01", "02"]
    assert sum(hour.fires for hour in hours) == len(hours) == 23
    assert monthmap.local_day(datetime(2026, 9, 6, 3, 30, tzinfo=UTC), "America/Santiago") == date(2026, 9, 5)
