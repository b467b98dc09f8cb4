"""The exit code of a command that looks whether all is well."""

from collections.abc import Iterable

from worker.cli.lazy import FAILED, UNREACHABLE
from worker.domain.finding import Finding, Mark


def exit_code_of(findings: Iterable[Finding]) -> int:
    """Give 0 where nothing keeps runs from starting, 69 where Redis or ZenML is out of reach, else 1."""
    faults = [finding for finding in findings if finding.mark is Mark.FAULT]
    if any(finding.unreachable for finding in faults):
        return UNREACHABLE
    return FAILED if faults else 0
