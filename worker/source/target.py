"""From an entry to what is started: the target, with all that is wrong with its configuration."""

from collections.abc import Mapping
from typing import Any

from worker.domain.errors import InvalidInput
from worker.domain.schedule import Target
from worker.render import used_names
from worker.source.document import Path
from worker.source.findings import Findings
from worker.source.model import ScheduleEntry
from worker.source.runconfig import Scope, check_run_config
from worker.source.targetmodel import TargetEntry
from worker.source.templates import TemplateError, Templates

_NOTHING: Mapping[str, Any] = {}


class Targets:
    """Builds the targets of one file; `wanted` has the config templates it asks for, also those that are missing."""

    def __init__(self, findings: Findings, templates: Templates) -> None:
        self.wanted: set[str] = set()
        self._findings = findings
        self._templates = templates
        self._checked: set[str] = set()
        self._used: dict[str, frozenset[str]] = {}
        self._shared: dict[frozenset[str], frozenset[str]] = {}

    def build(self, entry: TargetEntry, path: Path, scope: Scope) -> Target:
        """Make the target of an entry, and note what is wrong with it."""
        if entry.template is not None and entry.snapshot is not None:
            message = "template is there already; keep one of them"
            self._findings.fault((*path, "snapshot"), message, at_key=True)
        config = entry.config or _NOTHING
        check_run_config(config, (*path, "config"), scope, self._findings)
        config_template = self._config_template(entry, path, scope)
        return Target(
            pipeline=entry.pipeline,
            template=entry.template,
            snapshot=entry.snapshot,
            project=entry.project,
            config_template=config_template,
            config=config,
            uses=self._names_used(entry.config_template, config_template, config),
        )

    def _config_template(self, entry: TargetEntry, path: Path, scope: Scope) -> Mapping[str, Any]:
        name = entry.config_template
        if name is None:
            return _NOTHING
        self.wanted.add(name)
        try:
            document = self._templates.document(name)
        except TemplateError as error:
            self._findings.fault((*path, "config_template"), str(error))
            return {}
        except InvalidInput as error:
            self._findings.include(error.faults)
            return {}
        # Thousands of schedules may share it, and to all that follow none the same names are known.
        shared = isinstance(entry, ScheduleEntry) and entry.after is None
        if not shared or name not in self._checked:
            self._checked |= {name} if shared else set()
            inside = Findings(document)
            check_run_config(document.value, (), scope, inside)
            self._findings.include(inside.faults, inside.warnings)
        value: Mapping[str, Any] = document.value
        return value

    def _names_used(self, name: str | None, template: Mapping[str, Any], config: Mapping[str, Any]) -> frozenset[str]:
        if name is not None and name not in self._used:
            self._used[name] = used_names(template)
        used = used_names(config) | (self._used[name] if name is not None else frozenset())
        # Thousands of schedules share a few such sets.
        return self._shared.setdefault(used, used)
