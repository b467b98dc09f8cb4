"""Log lines: an event and its fields, for people (`text`) or machines (`json`). Secrets never get in."""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "data"}

SECRET = re.compile(
    r"(?i)(bearer\s+|zenkey_|zenprokey_|eyj)[\w.\-=/+]+|basic\s+[\w+/=]{40,}"  # tokens of ZenML, keys as passwords
    r"|zb_[a-z0-9]{12}_[\w\-]+|whsec_[\w+/=\-]+"  # keys of our API, secrets of webhooks
    r"|(?:sha(?:1|256)|v[01])=[0-9a-f]{32,}|v1a?,[\w+/=\-]{40,}"  # signatures of webhooks
    r"|(?<=://)[^\s/@]*:[^\s/@]*(?=@)"  # user and password in an address
)
"""What must never stand in a line, wherever it came from."""


LINE_END = re.compile(r"([:;,.])?\s*\n\s*")


def clean(text: str) -> str:
    """Blot out secrets, make one line of several, and encode what could forge a line or move the cursor."""
    blotted = SECRET.sub("***", text)
    if blotted.isprintable():  # nearly always, and it is cheap to ask
        return blotted
    line = LINE_END.sub(lambda found: f"{found[1] or ';'} ", blotted.strip())
    return "".join(c if c.isprintable() or c == " " else c.encode("unicode_escape").decode() for c in line)


def indented(trace: str) -> str:
    """Clean a traceback line by line, and move it to the right: no exception says what looks like a line of ours."""
    return "\n".join(f"  {clean(line)}" for line in trace.splitlines())


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Give what was passed as `extra`."""
    return {key: value for key, value in record.__dict__.items() if key not in _OWN and value is not None}


def _cleaned(value: Any) -> Any:
    """Clean every text within a value."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _cleaned(inner) for key, inner in value.items()}
    return [_cleaned(inner) for inner in value] if isinstance(value, list | tuple | set | frozenset) else value


class TextFormatter(logging.Formatter):
    """`time level logger event key=value …`, one line; a traceback follows on its own lines, further right."""

    def format(self, record: logging.LogRecord) -> str:
        """Make the line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        pairs = "".join(f" {key}={clean(str(value))}" for key, value in fields(record).items())
        line = f"{moment:%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z {record.levelname:<7} {record.name}"
        trace = f"\n{indented(self.formatException(record.exc_info))}" if record.exc_info else ""
        return f"{line} {clean(record.getMessage())}{pairs}{trace}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, event and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Make the line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": clean(record.getMessage()),
            **{key: _cleaned(value) for key, value in fields(record).items()},
        }
        if record.exc_info:
            entry["traceback"] = SECRET.sub("***", self.formatException(record.exc_info))
        said = orjson.dumps(entry, default=lambda value: clean(str(value)), option=orjson.OPT_PASSTHROUGH_DATACLASS)
        return said.decode()


def configure(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send every logger's lines to `stream` (standard error by default)."""
    stream_handler = logging.StreamHandler(stream or sys.stderr)
    stream_handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [stream_handler]
    root.setLevel(level)
    # These tell of every request or message; what matters of them, zenbeat says itself.
    for chatty in ("httpx", "aiohttp", "asyncio", "celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))
