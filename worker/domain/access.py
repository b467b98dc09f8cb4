"""What a caller of the API may do: areas, and the scopes that open them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from worker.domain.errors import Fault, InvalidInput
from worker.domain.nearest import did_you_mean

TRIGGER = "trigger:"
"""What a scope begins with that lets its caller start runs of the pipelines that fit its pattern."""

LONGEST = 300
"""Characters of a scope."""


class Area(StrEnum):
    """What a request is about. Each area has those before it in it."""

    READ = "read"
    """Look at schedules, triggers, sweeps and outcomes; nothing is changed."""
    OPERATE = "operate"
    """Pause, resume, run and backfill what is defined; cancel and replay triggers; begin and end sweeps."""
    ADMIN = "admin"
    """Define schedules, and start any run."""


ORDER = tuple(Area)

OPENS: dict[str, str] = {
    Area.READ: "look at schedules, triggers, sweeps and outcomes",
    Area.OPERATE: "also pause, resume, run and backfill what is defined, cancel and replay, begin and end sweeps",
    Area.ADMIN: "everything",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What a caller may do. Two areas hold one another; `trigger:` is apart, and only `admin` has it all."""

    scopes: tuple[str, ...] = ()

    def may(self, area: Area) -> bool:
        """Tell whether an area is open."""
        return any(held in self.scopes for held in ORDER[ORDER.index(area) :])

    def may_trigger(self, pipeline: str, project: str | None, default_project: str | None) -> bool:
        """Tell whether a run of this pipeline may be started.

        `trigger:pipeline` is about the default project; `trigger:project/pipeline` about the one that it names. What
        counts is what the request says: a pipeline that is named by its id fits only a pattern that fits the id.
        """
        if Area.ADMIN in self.scopes:
            return True
        patterns = (scope.removeprefix(TRIGGER) for scope in self.scopes if scope.startswith(TRIGGER))
        return any(_fits(pattern, pipeline, project, default_project) for pattern in patterns)

    @property
    def starts_some(self) -> bool:
        """Whether there is any pipeline whose runs may be started."""
        return any(scope == Area.ADMIN or scope.startswith(TRIGGER) for scope in self.scopes)


NOBODY = Grants()
"""For who has no key, where keys are asked for."""

EVERYTHING = Grants(scopes=(Area.ADMIN,))
"""For the person at the machine itself, as long as there is no key."""


def _fits(pattern: str, pipeline: str, project: str | None, default_project: str | None) -> bool:
    of_project, slash, of_pipeline = pattern.partition("/")
    if not slash:
        return project in (None, default_project) and fnmatchcase(pipeline, pattern)
    return fnmatchcase(project or default_project or "", of_project) and fnmatchcase(pipeline, of_pipeline)


def parse_scopes(words: Sequence[str]) -> tuple[str, ...]:
    """Read scopes; what is named twice counts once. Raises InvalidInput with every fault, each with its path."""
    faults = [
        Fault(path=f"scopes.{place}", message=told) for place, word in enumerate(words) if (told := _scope_fault(word))
    ]
    if not words:
        faults = [Fault(path="scopes", message=f"a key needs at least one scope: {_choices()}")]
    if faults:
        raise InvalidInput(faults)
    return tuple(dict.fromkeys(words))


def _scope_fault(word: str) -> str:
    if word in ORDER:
        return ""
    if len(word) > LONGEST:
        return f"is longer than {LONGEST} characters"
    head, colon, pattern = word.partition(":")
    if head + colon == TRIGGER:
        return _pattern_fault(pattern)
    if word == TRIGGER.rstrip(":"):
        return f'"{word}" needs a pattern: trigger:training, trigger:train-*, trigger:project/pipeline, trigger:*/*'
    known = [TRIGGER.rstrip(":")] if colon else [*ORDER, TRIGGER.rstrip(":")]
    return f'"{word}" is no scope{did_you_mean(head, known) or f"; there are {_choices()}"}'


def _pattern_fault(pattern: str) -> str:
    if not pattern.isprintable() or any(letter.isspace() for letter in pattern):
        return "a pattern has no spaces and no control characters"
    if not all(pattern.split("/", 1)):
        return f'"{TRIGGER}{pattern}" needs a name or pattern on each side, such as trigger:train-* or trigger:*/*'
    return ""


def opens(scope: str) -> str:
    """Tell in words what a scope opens."""
    return OPENS.get(scope) or f"start runs of the pipelines that fit {scope.removeprefix(TRIGGER)}, and follow them"


def _choices() -> str:
    return f"{', '.join(ORDER)}, {TRIGGER}<pattern>"
