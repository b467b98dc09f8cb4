"""Config templates: files beside the schedule files that several schedules share."""

from pathlib import PurePosixPath

from worker.domain.errors import InvalidInput
from worker.domain.nearest import did_you_mean
from worker.source.document import Document, read_document
from worker.source.files import Files, Identity, Unusable


class TemplateError(ValueError):
    """A config template that cannot be had; `str()` says why."""


class Templates:
    """The config templates of one folder, each read once until it changes."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._documents: dict[str, tuple[Identity, Document]] = {}

    def document(self, name: str) -> Document:
        """Give a template. Raises TemplateError if it cannot be had, InvalidInput for what is wrong in it."""
        if not is_inside(name):
            raise TemplateError(f'"{name}" leads out of the folder; write a path such as templates/training.yaml')
        identity = self._files.identity(name)
        known = self._documents.get(name)
        if known is not None and known[0] == identity:
            return known[1]
        content = self._files.content(name)
        if isinstance(content, Unusable):
            near = did_you_mean(name, self._existing()) if content.missing else ""
            raise TemplateError(f"{name}: {content.message}{near}")
        document = read_document(content, str(self._files.root / name))
        if not isinstance(document.value, dict):
            raise InvalidInput([document.fault((), "a config template has to be a mapping")])
        self._documents[name] = (self._files.identity(name), document)
        return document

    def _existing(self) -> list[str]:
        root = self._files.root
        return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.suffix in {".yaml", ".yml"}]


def is_inside(name: str) -> bool:
    """Tell whether a path stays in the folder it is relative to, as far as its text tells."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name
