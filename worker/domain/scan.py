"""Numbers what a condition lets through: the n-th admitted of the raw indices 0, 1, 2 …, each looked at once."""

from collections.abc import Callable

STEP = 1_000
"""Every so many a place is kept, to go on from."""


class Scan:
    """Finds the n-th admitted index. Reading on costs one look for each raw index, wherever the reading began.

    What is kept is only ever added to, and says the same whoever adds it, so that threads may share a scan.
    """

    def __init__(self, admits: Callable[[int], bool], *, end: int | None, patience: int) -> None:
        self._admits = admits
        self._end = end
        self._patience = patience
        """So many in a row that are not admitted are the end."""
        self._marks: dict[int, int] = {0: -1}
        self._last = (0, -1)
        self._count: int | None = None

    def find(self, number: int) -> int | None:
        """Give the raw index of number 1, 2, …, or None if there are fewer."""
        if self._count is not None and number > self._count:
            return None
        count, index = self._nearest(number)
        while count < number:
            following = self._next(index)
            if following is None:
                self._count = count
                return None
            count, index = count + 1, following
            if count % STEP == 0:
                self._marks[count] = index
        self._last = (count, index)
        return index

    def count(self, most: int | None = None) -> int:
        """Count what there is, at most `most`."""
        number = STEP
        while most is None or number < most:
            if self.find(number) is None:
                return self._count or 0
            number += STEP
        return most if self.find(most) is not None else self._count or 0

    def _nearest(self, number: int) -> tuple[int, int]:
        mark = min(number // STEP, len(self._marks) - 1) * STEP
        last = self._last
        return last if mark <= last[0] <= number else (mark, self._marks[mark])

    def _next(self, index: int) -> int | None:
        bound = index + 1 + self._patience
        for following in range(index + 1, bound if self._end is None else min(bound, self._end)):
            if self._admits(following):
                return following
        return None
