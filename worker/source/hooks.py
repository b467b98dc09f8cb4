"""From an entry to a hook, with all that is wrong with its expressions and the schema of its payload."""

import json
from typing import Any

from worker.domain.errors import InvalidInput
from worker.domain.hook import RATE, TOLERANCE, Hook
from worker.domain.jsonvalues import canonical
from worker.domain.nearest import did_you_mean
from worker.domain.signatures import FREE_HEADER, TIMED, Scheme
from worker.render import (
    HOOK_NAMES,
    ITEM_NAMES,
    PayloadSchema,
    SchemaError,
    expression_faults,
    is_whole,
    used_names,
)
from worker.source.document import Path, read_document
from worker.source.files import Files, Unusable
from worker.source.findings import Findings
from worker.source.hookmodel import HookEntry
from worker.source.runconfig import Scope
from worker.source.target import Targets
from worker.source.templates import is_inside

ENDINGS = (".json", ".yaml", ".yml")
"""Of a file with a JSON Schema."""

_SIGNED_NAMES = HOOK_NAMES - {"headers"}
_UNSIGNED = (
    '"headers" is out of bounds here: they are not signed, and who sends a delivery again could change them; '
    "use what is in the payload"
)


class Hooks:
    """Builds the hooks of one file; `wanted` has the files with schemas it asks for, also those that are missing."""

    def __init__(self, findings: Findings, targets: Targets, files: Files) -> None:
        self.wanted: set[str] = set()
        self._findings = findings
        self._targets = targets
        self._files = files

    def build(self, entry: HookEntry, path: tuple[str, int]) -> Hook:
        """Make a hook of an entry, and note what is wrong with it."""
        scheme = Scheme(entry.signature)
        self._check_words(entry, scheme, path)
        self._check_expressions(entry, path)
        items = ITEM_NAMES if entry.each else frozenset[str]()
        document = self._findings.document
        return Hook(
            name=entry.name,
            target=self._targets.build(entry, path, Scope(HOOK_NAMES | items, None)),
            signature=scheme,
            header=(entry.header or "").lower(),
            tolerance=entry.tolerance or TOLERANCE,
            schema=self._schema(entry, (*path, "schema")),
            when=entry.when or "",
            each=entry.each or "",
            idempotency_key=entry.idempotency_key or "",
            not_before=entry.not_before or "",
            priority=entry.priority,
            rate=RATE if entry.rate is None else entry.rate,
            place=f"{document.file}:{document.fault(path, '').line}",
        )

    def _check_words(self, entry: HookEntry, scheme: Scheme, path: Path) -> None:
        if entry.tolerance is not None and scheme not in TIMED:
            message = f"{scheme} signs no time, so that nothing can be too old; leave it out"
            self._findings.fault((*path, "tolerance"), message, at_key=True)
        if entry.header is not None and scheme not in FREE_HEADER:
            message = f"{scheme} has its own header; leave it out"
            self._findings.fault((*path, "header"), message, at_key=True)

    def _check_expressions(self, entry: HookEntry, path: Path) -> None:
        items = ITEM_NAMES if entry.each else frozenset[str]()
        self._check(entry.when, HOOK_NAMES, (*path, "when"), whole="true or false")
        self._check(entry.each, _SIGNED_NAMES, (*path, "each"), whole="a list")
        self._check(entry.idempotency_key, _SIGNED_NAMES | items, (*path, "idempotency_key"))
        key = entry.idempotency_key
        if key is not None and used_names(key) <= {"hook"} and not expression_faults({"": key}):
            message = "is the same for every delivery, so that only the first would start a run; use the payload"
            self._findings.fault((*path, "idempotency_key"), message)
        self._check(entry.not_before, HOOK_NAMES | items, (*path, "not_before"))

    def _check(self, text: str | None, known: frozenset[str], path: Path, *, whole: str = "") -> None:
        if text is None:
            return
        # They are known as names, so that "headers" gets a sentence that says why not.
        faults = [message for _, message in expression_faults({"": text}, known | {"headers"})]
        if not faults:
            faults += self._further(text, known, whole)
        for message in faults:
            self._findings.fault(path, message)

    @staticmethod
    def _further(text: str, known: frozenset[str], whole: str) -> list[str]:
        found = []
        if "headers" not in known and "headers" in used_names(text):
            found.append(_UNSIGNED)
        if whole and not is_whole(text):
            found.append(f'has to be one expression that gives {whole}, such as "{{{{ … }}}}"')
        return found

    def _schema(self, entry: HookEntry, path: Path) -> str:
        """Give the schema as JSON; empty if there is none, or none that can be used."""
        schema = entry.payload_schema
        if isinstance(schema, str):
            schema = self._file(schema, path)
        if schema is None:
            return ""
        try:
            PayloadSchema(schema)
        except SchemaError as error:
            inside = error.path if isinstance(entry.payload_schema, dict) else ()
            where = f"{entry.payload_schema}: " if isinstance(entry.payload_schema, str) else ""
            self._findings.fault((*path, *inside), f"{where}is no JSON Schema: {error}")
            return ""
        return canonical(schema)

    def _file(self, name: str, path: Path) -> Any:
        """Read a schema from a file; None if it cannot be had."""
        if not is_inside(name) or not name.endswith(ENDINGS):
            message = f'"{name}" is not possible; write the path of a file in this folder, such as payloads/push.json'
            self._findings.fault(path, message)
            return None
        self.wanted.add(name)
        content = self._files.content(name)
        if isinstance(content, Unusable):
            near = did_you_mean(name, self._existing()) if content.missing else ""
            self._findings.fault(path, f"{name}: {content.message}{near}")
            return None
        try:
            return json.loads(content) if name.endswith(".json") else self._yaml(content, name)
        except ValueError as error:
            self._findings.fault(path, f"{name}: is not JSON: {error}")
        except InvalidInput as error:
            self._findings.include(error.faults)
        return None

    def _yaml(self, content: bytes, name: str) -> Any:
        return read_document(content, str(self._files.root / name)).value

    def _existing(self) -> list[str]:
        root = self._files.root
        return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.name.endswith(ENDINGS)]
