"""Is all well? In a sentence, with what is wrong first."""

from dataclasses import dataclass
from enum import StrEnum

from worker.domain.standing import Standing
from worker.engine.overview import Overview
from worker.engine.readiness import OK


class Subject(StrEnum):
    """What something is wrong with."""

    BEAT = "beat"
    WORKER = "worker"
    SERVER = "server"
    FAILING = "failing"
    BROKEN = "broken"
    LATE = "late"
    FILES = "files"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong, in a clause."""

    subject: Subject
    told: str


def find_wrong(overview: Overview) -> list[Wrong]:
    """Give what is wrong, the worst first: what stops all, then what stops some."""
    found = [Wrong(subject, f"no {subject} {check.removeprefix('none ')}") for subject, check in _processes(overview)]
    if overview.left_alone:
        found.append(Wrong(Subject.SERVER, "ZenML is left alone for a while"))
    counts = overview.standings
    schedules = (
        (Subject.FAILING, Standing.FAILING, "is failing", "are failing"),
        (Subject.BROKEN, Standing.BROKEN, "cannot be used as it is", "cannot be used as they are"),
        (Subject.LATE, Standing.LATE, "is late", "are late"),
    )
    for subject, standing, one, many in schedules:
        if counts.get(standing):
            found.append(
                Wrong(subject, f"{_number(counts[standing], 'schedule')} {one if counts[standing] == 1 else many}")
            )
    files = len({fault.file for fault in overview.faults})
    if files and not counts.get(Standing.BROKEN):
        found.append(
            Wrong(Subject.FILES, f"{_number(files, 'schedule file')} {'has' if files == 1 else 'have'} faults")
        )
    if overview.figures.dead:
        found.append(
            Wrong(Subject.DEAD, f"{_number(overview.figures.dead, 'dead letter')} {_wait(overview)} for somebody")
        )
    return found


def tell_verdict(overview: Overview) -> str:
    """Tell whether all is well, or what is wrong, in a sentence."""
    wrong = [each.told for each in find_wrong(overview)]
    if wrong:
        return _sentence(_listed(wrong))
    if not overview.schedules:
        return "There are no schedules yet."
    return f"All is well{aside(overview)}."


def aside(overview: Overview) -> str:
    """Tell what is not wrong, and still worth a word."""
    paused = overview.standings.get(Standing.PAUSED, 0)
    return f"; {_number(paused, 'schedule')} {'is' if paused == 1 else 'are'} paused" if paused else ""


def _processes(overview: Overview) -> list[tuple[Subject, str]]:
    checks = overview.checks
    return [(each, checks[each]) for each in (Subject.BEAT, Subject.WORKER) if checks.get(each, OK) != OK]


def _wait(overview: Overview) -> str:
    return "waits" if overview.figures.dead == 1 else "wait"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _listed(clauses: list[str]) -> str:
    return clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])}, and {clauses[-1]}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
