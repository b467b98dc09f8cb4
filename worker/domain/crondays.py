"""The days of a cron expression, in words: `every day`, `Monday to Friday`, `on the last day of each month`."""

from collections.abc import Sequence

from worker.domain.cronclock import listing, numbers, step_of

MOST_DAYS = 5
"""Days of a month, and months, that are told one by one."""

SPAN = 3
"""So many in a row are told by the first and the last."""

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

NTH = ("first", "second", "third", "fourth", "fifth")

ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS = 31, 12, 7

SHORTEST_MONTH = 28


def days_in_words(day: str, month: str, weekday: str) -> str | None:
    """Tell the fields, which are as croniter gets them; None where that cannot be done well."""
    months = numbers(month, ALL_MONTHS, 1)
    every_month = len(months) == ALL_MONTHS
    of_months = "of each month" if every_month else _months(months)
    if of_months is None:
        return None
    in_months = "" if every_month else f" {_in(months)}"
    by_day, by_weekday = _days(day, of_months), _weekdays(weekday, of_months, in_months)
    if by_day is None or by_weekday is None:
        return None
    # Vixie's rule: only fields that both do not begin with * are joined by OR.
    either = not day.startswith("*") and not weekday.startswith("*")
    told = [words for words in (by_day, by_weekday) if words]
    if len(told) < 2:
        restricted = told and not either
        return told[0] if restricted else f"every day{in_months}"
    return " and also ".join(told) if either else None


def _months(months: Sequence[int]) -> str | None:
    words = _span([MONTHS[number - 1] for number in months], months)
    return f"of {words}" if words else None


def _in(months: Sequence[int]) -> str:
    words = _span([MONTHS[number - 1] for number in months], months)
    return f"from {words}" if " to " in words else f"in {words}"


def _span(names: Sequence[str], found: Sequence[int]) -> str:
    """Name the first and the last of many in a row, or each of some; "" for more."""
    if len(found) >= SPAN and step_of(found) == 1:
        return f"{names[0]} to {names[-1]}"
    return listing(names) if len(found) <= MOST_DAYS + 1 else ""


def _days(field: str, of_months: str) -> str | None:
    """Tell days of the month; "" for every day."""
    plain = [item for item in field.split(",") if item != "l"]
    found = numbers(",".join(plain), ALL_DAYS, 1) if plain else []
    last = len(plain) < len(field.split(","))
    if len(found) == ALL_DAYS:
        return ""
    if len(found) > MOST_DAYS:
        return None if last else _many(found, of_months)
    names = [_ordinal(number) for number in found] + ["last day"] * last
    rare = " (where there is one)" if found and found[-1] > SHORTEST_MONTH else ""
    return f"on the {listing(names)} {of_months}{rare}"


def _many(found: Sequence[int], of_months: str) -> str | None:
    """Tell more days than are listed, if they are evenly spaced."""
    step = step_of(found)
    if not step:
        return None
    ordinals = _ordinal(found[0]), _ordinal(found[-1])
    every = "on each day" if step == 1 else f"every {step} days"
    return f"{every} from the {ordinals[0]} to the {ordinals[1]} {of_months}"


def _ordinal(number: int) -> str:
    ending = "th" if number // 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _weekdays(field: str, of_months: str, in_months: str) -> str | None:
    """Tell days of the week; "" for every day."""
    if "#" in field or "l" in field:
        return f"on the {listing([_nth(item) for item in field.split(',')])} {of_months}"
    found = numbers(field, ALL_WEEKDAYS)
    if len(found) == ALL_WEEKDAYS:
        return ""
    # The week begins on Monday.
    ordered = sorted(found, key=lambda number: (number - 1) % ALL_WEEKDAYS)
    names = [WEEKDAYS[number] for number in ordered]
    places = [(number - 1) % ALL_WEEKDAYS for number in ordered]
    if len(places) >= SPAN and step_of(places) == 1:
        return f"{names[0]} to {names[-1]}{in_months}"
    return f"on {listing([f'{name}s' for name in names])}{in_months}"


def _nth(item: str) -> str:
    if item.startswith("l"):
        return f"last {WEEKDAYS[int(item[1:])]}"
    number, _, nth = item.partition("#")
    return f"{NTH[int(nth) - 1]} {WEEKDAYS[int(number)]}"
