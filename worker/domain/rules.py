"""Which parameters a trial has, and which trials there are: `when` and `where` of a sweep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.domain.condition import Condition


class NothingSatisfies(ValueError):
    """There is no trial that satisfies `where`, as far as it was looked for."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The conditions of a sweep."""

    when: Mapping[str, Condition] = field(default_factory=dict)
    """Of each parameter that not every trial has; each follows those of the parameters that it reads."""
    where: tuple[Condition, ...] = ()

    def drop(self, values: dict[str, Any]) -> None:
        """Take out the parameters that a trial with these values has not."""
        for name, condition in self.when.items():
            if name in values and not condition.holds(values):
                del values[name]

    def admit(self, values: Mapping[str, Any]) -> bool:
        """Tell whether there is a trial with these values."""
        return all(condition.holds(values) for condition in self.where)

    def nothing(self, looked: str) -> NothingSatisfies:
        """Make the error of a search in vain."""
        texts = " and ".join(condition.text for condition in self.where)
        return NothingSatisfies(f"nothing satisfies {texts} among {looked}")
