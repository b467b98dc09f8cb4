"""The words that everything shares that starts a run: its name, and what is started with which configuration."""

from typing import Any

from pydantic import Field

from worker.source.fields import Name, Reference, Strict


class TargetEntry(Strict):
    """What is started."""

    name: Name = Field(description="Unique over all files: small letters, digits and . _ -")
    pipeline: Reference = Field(description="The pipeline, by name or id.")
    template: Reference | None = Field(
        None, description="The run template, by name or id. Left out, as `snapshot` too: the newest of the pipeline."
    )
    snapshot: Reference | None = Field(None, description="The pipeline snapshot, by name or id, instead of `template`.")
    project: Reference | None = Field(None, description="The project, by name or id. Default: ZENML_ACTIVE_PROJECT_ID.")
    config_template: Reference | None = Field(
        None,
        description="A YAML file with a run configuration, relative to this folder, such as templates/training.yaml.",
    )
    config: dict[str, Any] | None = Field(
        None,
        description="The run configuration, laid over `config_template` key by key. Texts may hold {{ expressions }}.",
    )
    priority: int = Field(0, ge=-1000, le=1000, description="Higher goes first; one step is worth a minute of waiting.")
