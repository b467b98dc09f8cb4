"""The settings, read once from the environment and `.env`. The only reader of the environment.

Every variable `X` that holds a secret may be given as `X_FILE`, the path of a file with the value in it. Names that
begin with `ZENBEAT_` and are not known are refused with the nearest match; all faults are reported at once.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from worker import running
from worker.domain.errors import Fault, InvalidInput
from worker.domain.hooksecrets import read_hook_secrets
from worker.domain.nearest import did_you_mean, nearest
from worker.domain.receivers import Receivers, is_url, read_names, read_receivers, read_secrets


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is not a web address such as https://zenml.example.com")
    if parts.username or parts.password:
        raise ValueError("carries a user or password; use ZENML_STORE_API_KEY")
    return value.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_web_address)]


def _tag_limits(value: object) -> object:
    """Read `gpu=2,team:*=1`."""
    if not isinstance(value, str):
        return value
    limits: dict[str, int] = {}
    for part in value.split(","):
        tag, _, number = part.strip().rpartition("=")
        if not tag or not number.strip().isdigit() or int(number) < 1:
            raise ValueError(f'"{part.strip()}" is not a tag and a number from 1, such as gpu=2')
        limits[tag.strip()] = int(number)
    return limits


TagLimits = Annotated[dict[str, int], BeforeValidator(_tag_limits)]


def _readable(read: Callable[[str], object]) -> AfterValidator:
    """Accept a secret text that `read` can read; its ValueError says what is wrong, without the text."""

    def check(value: SecretStr) -> SecretStr:
        read(value.get_secret_value())
        return value

    return AfterValidator(check)


class Settings(BaseModel):
    """Everything that can be set. A field's title is the name of its variable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zenml_url: WebAddress | None = Field(
        None, title="ZENML_STORE_URL", description="The ZenML server. Without it, `up` starts a demo server."
    )
    zenml_api_key: SecretStr | None = Field(
        None, title="ZENML_STORE_API_KEY", description="API key of a ZenML service account."
    )
    zenml_api_token: SecretStr | None = Field(
        None, title="ZENML_STORE_API_TOKEN", description="A bearer token, instead of an API key; it is sent as it is."
    )
    zenml_project: str | None = Field(
        None, title="ZENML_ACTIVE_PROJECT_ID", description="Project (name or id) where a schedule names none."
    )
    zenml_verify_ssl: str = Field(
        "true",
        title="ZENML_STORE_VERIFY_SSL",
        description="`true`, `false`, or the path of a file with the certificate authorities to trust.",
    )
    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        title="REDIS_URL",
        description="Where zenbeat keeps its state. Behind Sentinel: `sentinel://host:26379,host:26379/0?service=name`.",
    )
    broker_url: SecretStr | None = Field(
        None, title="CELERY_BROKER_URL", description="Celery's broker; without it, REDIS_URL."
    )
    schedules_dir: Path = Field(Path("schedules"), title="SCHEDULES_DIR", description="Folder of the schedule files.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", title="LOG_LEVEL", description="The least severe level that is logged."
    )
    log_format: Literal["text", "json"] = Field(
        "text", title="LOG_FORMAT", description="`text` for people, `json` for machines: one object a line."
    )
    prefix: str = Field(
        "zenbeat:", title="ZENBEAT_PREFIX", min_length=1, max_length=64, description="What every Redis key begins with."
    )
    data_dir: Path = Field(
        Path(".zenbeat"), title="ZENBEAT_DATA_DIR", description="Folder in which `up` keeps the embedded Redis."
    )
    max_in_flight: int = Field(
        256,
        title="ZENBEAT_MAX_IN_FLIGHT",
        ge=1,
        le=10_000,
        description="The most launches at once. zenbeat begins low and finds out what the server takes.",
    )
    max_per_minute: int = Field(
        0, title="ZENBEAT_MAX_PER_MINUTE", ge=0, description="The most launches within any minute; 0 is no limit."
    )
    max_per_day: int = Field(
        0, title="ZENBEAT_MAX_PER_DAY", ge=0, description="The most triggers that begin on a day (UTC); 0 is no limit."
    )
    tag_limits: TagLimits = Field(
        default_factory=dict,
        title="ZENBEAT_TAG_LIMITS",
        description="The most launches at once with a tag: `gpu=2,team:*=1`; `*` at the end counts each tag by itself.",
    )
    batch: int = Field(
        50, title="ZENBEAT_BATCH", ge=1, le=500, description="The most triggers that one Celery message carries."
    )
    http_timeout: float = Field(
        30.0, title="ZENBEAT_HTTP_TIMEOUT", gt=0, le=600, description="Seconds that one call to ZenML may take in all."
    )
    lease: float = Field(
        6.0,
        title="ZENBEAT_LEASE",
        ge=1,
        le=600,
        description="Seconds after which the triggers of a worker that died go to another one.",
    )
    resolve_ttl: float = Field(
        300.0, title="ZENBEAT_RESOLVE_TTL", ge=0, description="Seconds for which a resolved pipeline and template hold."
    )
    retention_days: float = Field(
        30.0, title="ZENBEAT_RETENTION_DAYS", gt=0, description="Days for which ended triggers and outcomes are kept."
    )
    outcomes_max: int = Field(
        100_000, title="ZENBEAT_OUTCOMES_MAX", ge=100, description="The most outcomes that are kept."
    )
    ledger_max: int = Field(
        1_000, title="ZENBEAT_LEDGER_MAX", ge=10, description="The most ledger entries that are kept per schedule."
    )
    start_timeout: float = Field(
        1800,
        title="ZENBEAT_START_TIMEOUT",
        gt=0,
        description="Seconds after which a run that was accepted and is still `initializing` counts as stuck.",
    )
    receiver_urls: Annotated[SecretStr, _readable(read_receivers)] | None = Field(
        None,
        title="ZENBEAT_RECEIVERS",
        description='Who gets alerts: `{"ops": "slack://…", "hook": ["https://…", "mailto://…"]}`; see docs/alerts.md.',
    )
    webhook_secret: Annotated[SecretStr, _readable(read_secrets)] | None = Field(
        None,
        title="ZENBEAT_WEBHOOK_SECRET",
        description="Signs webhooks: `whsec_…`, or two with a space between them while receivers change to a new one.",
    )
    notify: Annotated[SecretStr, _readable(read_names)] | None = Field(
        None,
        title="ZENBEAT_NOTIFY",
        description="Who gets the alerts of schedules that have no `notify`: names or addresses, with commas between.",
    )
    hook_secrets: Annotated[SecretStr, _readable(read_hook_secrets)] | None = Field(
        None,
        title="ZENBEAT_HOOK_SECRETS",
        description='What webhooks are signed with, by hook: `{"github-main": "…"}`, or a list while it is changed.',
    )
    api_host: str = Field(
        "127.0.0.1",
        title="ZENBEAT_API_HOST",
        min_length=1,
        description="Address on which the HTTP API listens. Without any API key it is loopback, whatever stands here.",
    )
    api_port: int = Field(
        8420, title="ZENBEAT_API_PORT", ge=0, le=65535, description="Port of the HTTP API; 0 is any that is free."
    )
    trusted_proxies: str = Field(
        "",
        title="ZENBEAT_TRUSTED_PROXIES",
        description="Whose `X-Forwarded-*` headers are believed: addresses and networks, with commas between.",
    )
    api_body_max: int = Field(
        8 * 1024 * 1024, title="ZENBEAT_API_BODY_MAX", ge=1024, description="Bytes of the largest body that is read."
    )
    api_timeout: float = Field(
        10.0,
        title="ZENBEAT_API_TIMEOUT",
        gt=0,
        le=600,
        description="Seconds that a caller may take to send its headers, and between two parts of its body.",
    )
    api_streams: int = Field(
        100, title="ZENBEAT_API_STREAMS", ge=0, description="The most event streams that one API process keeps open."
    )
    queue_max: int = Field(
        100_000,
        title="ZENBEAT_QUEUE_MAX",
        ge=0,
        description="The most triggers that may wait; beyond it, HTTP answers 429. 0 is no limit.",
    )
    queue_max_per_key: int = Field(
        20_000, title="ZENBEAT_QUEUE_MAX_PER_KEY", ge=0, description="The same for what one API key or hook has queued."
    )
    queue_max_per_pipeline: int = Field(
        50_000, title="ZENBEAT_QUEUE_MAX_PER_PIPELINE", ge=0, description="The same for what is queued of one pipeline."
    )

    halt_file: Path | None = Field(
        None, title="ZENBEAT_HALT_FILE", description="For the crash tests alone: names a point at which to stop."
    )

    @field_validator("notify")
    @classmethod
    def _known(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Refuse a name that nobody has."""
        receivers = info.data.get("receiver_urls", ...)
        if value is not None and receivers is not ...:  # not there: what is wrong with it is told already
            known = read_receivers(receivers.get_secret_value()) if receivers else {}
            for name in read_names(value.get_secret_value()):
                if not is_url(name) and name not in known:
                    raise ValueError(f'"{name}" is not among ZENBEAT_RECEIVERS{did_you_mean(name, known)}')
        return value

    @property
    def receivers(self) -> Receivers:
        """Who can get alerts, and what webhooks are signed with."""
        urls, secret = self.receiver_urls, self.webhook_secret
        return Receivers(
            urls=read_receivers(urls.get_secret_value()) if urls else {},
            secrets=read_secrets(secret.get_secret_value()) if secret else (),
        )

    @property
    def notified(self) -> tuple[str, ...]:
        """Who gets the alerts of schedules that name nobody: names or addresses; never log an address."""
        return read_names(self.notify.get_secret_value()) if self.notify else ()

    @property
    def signed_with(self) -> dict[str, tuple[str, ...]]:
        """What webhooks are signed with, by hook; never log it."""
        return read_hook_secrets(self.hook_secrets.get_secret_value()) if self.hook_secrets else {}

    @property
    def broker(self) -> str:
        """The broker's address with its password; never log it."""
        return (self.broker_url or self.redis_url).get_secret_value()

    @property
    def redis(self) -> str:
        """The address of Redis with its password; never log it."""
        return self.redis_url.get_secret_value()


VARIABLES: dict[str, str] = {str(field.title): name for name, field in Settings.model_fields.items()}
"""Variable -> field."""

SECRETS = frozenset(
    str(field.title) for field in Settings.model_fields.values() if "SecretStr" in str(field.annotation)
)
"""Variables that may also be given as `…_FILE`."""

FILE = "_FILE"


def load_settings(
    environment: Mapping[str, str] | None = None, directory: Path | None = None, *, join: bool = True
) -> Settings:
    """Read the settings from `environment` (the process's own by default), then from `directory/.env`.

    Where neither names a Redis or a ZenML server, those of an `up` that runs here are taken, if `join`.
    Raises InvalidInput with every fault.
    """
    given = os.environ if environment is None else environment  # noqa: TID251 - this is the one reader
    place = directory or Path()
    from_file = {k: v for k, v in dotenv_values(place / ".env").items() if v is not None}
    merged = {name: value for name, value in {**from_file, **given}.items() if value != ""}
    if join:
        merged = {**_of_running_up(merged, place), **merged}
    faults: list[Fault] = []
    values = _values(merged, faults)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        faults += [_fault(detail) for detail in error.errors(include_input=False, include_url=False)]
    if faults:
        raise InvalidInput(faults)
    return settings


def _of_running_up(merged: Mapping[str, str], directory: Path) -> dict[str, str]:
    data = directory / merged.get("ZENBEAT_DATA_DIR", Settings.model_fields["data_dir"].default)
    taken = [group for group in ("REDIS_URL", "ZENML_STORE_") if not any(name.startswith(group) for name in merged)]
    return {name: value for name, value in running.read(data).items() if name.startswith(tuple(taken))}


def _values(merged: Mapping[str, str], faults: list[Fault]) -> dict[str, Any]:
    known = {*VARIABLES, *(name + FILE for name in SECRETS)}
    values: dict[str, Any] = {}
    for name, value in merged.items():
        if name in VARIABLES:
            values[VARIABLES[name]] = value
        elif name in known:
            _read_secret(name, value, merged, values, faults)
        elif name.startswith("ZENBEAT_"):
            match = nearest(name, known)
            faults.append(Fault(path=name, message="unknown variable" + (f"; did you mean {match}?" if match else "")))
    return values


def _read_secret(name: str, path: str, merged: Mapping[str, str], values: dict[str, Any], faults: list[Fault]) -> None:
    variable = name.removesuffix(FILE)
    if variable in merged:
        faults.append(Fault(path=name, message=f"is set together with {variable}; keep one of them"))
        return
    try:
        values[VARIABLES[variable]] = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        faults.append(Fault(path=name, message=f"cannot be read: {getattr(error, 'strerror', None) or 'not text'}"))


def _fault(detail: Any) -> Fault:
    field = Settings.model_fields[str(detail["loc"][0])]
    return Fault(path=str(field.title), message=str(detail["msg"]).removeprefix("Value error, "))
