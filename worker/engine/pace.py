"""How soon a run is worth another look."""

from datetime import timedelta

QUICKEST = timedelta(seconds=1)
SLOWEST = timedelta(minutes=1)

SHARE = 0.1
"""A run is looked at again when it is older by this part: soon while it is young, seldom when it takes long."""

NEAR, FINE = 0.9, 0.02
"""From this part of the usual duration on, it is looked at each time this part of it has passed."""

SOONEST_CHECK = timedelta(minutes=1)
LATEST_CHECK = timedelta(minutes=30)


def pace(age: timedelta, usual: timedelta | None, *, stopping: bool) -> timedelta:
    """Say how long to wait until the next look at a run of this age; `usual` is how long such a run takes."""
    if stopping:
        return QUICKEST
    wait = age * SHARE
    if usual is not None and usual * NEAR <= age <= usual * (2 - NEAR):
        wait = min(wait, usual * FINE)
    elif usual is not None and age < usual * NEAR:
        wait = min(wait, usual * NEAR - age)
    return min(max(wait, QUICKEST), SLOWEST)


def check_after(age: timedelta) -> timedelta:
    """Say how long after the last one a run itself is asked for: what was deleted is not among what changed."""
    return min(max(age, SOONEST_CHECK), LATEST_CHECK)
