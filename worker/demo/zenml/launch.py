"""From the body of a launch to a run, or to the no that ZenML would say, in ZenML's order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from worker.demo.zenml.catalogue import Snapshot, Step, Template
from worker.demo.zenml.configuration import run_name_template
from worker.demo.zenml.course import Course, Fate, failed, not_run, plan
from worker.demo.zenml.names import render, substitutions
from worker.demo.zenml.refusals import Refusal, no_such_name
from worker.demo.zenml.runs import Run, given
from worker.demo.zenml.state import DemoState
from worker.demo.zenml.versions import BUSY_LEAVES_A_RUN, PARTIAL_PARAMETERS, PROJECTS, SNAPSHOTS

Configuration = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A launch that is asked for: of a snapshot, perhaps by way of a template, with a checked configuration."""

    snapshot: Snapshot
    template: Template | None
    configuration: Configuration
    fate: Fate = Fate.RUNS
    queue_fails: bool = False


def launch(state: DemoState, order: Order) -> Run:
    """Start a run. Raises Refusal."""
    _refuse_what_cannot_be_set(order.configuration)
    steps = order.snapshot.pipeline.steps
    for step in steps:
        _check_parameters(state, step, given(order.configuration).get(step.name, {}))
    _refuse_unknown_secrets(order.configuration)
    # From here on, a failure leaves an anonymous snapshot behind, as on ZenML.
    run = _make(state, order)
    if state.runs.named(run.name):
        raise _name_taken(state, run.name)
    _occupy(state, run)
    state.runs.add(run)
    if order.queue_fails:
        run.course = failed(run.created, "Failed to queue run.")
        raise Refusal(500, "RuntimeError", "Failed to queue run.")
    return run


def _make(state: DemoState, order: Order) -> Run:
    now = state.now()
    snapshot = state.catalogue.add_anonymous(order.snapshot, order.template, now)
    values = substitutions(order.configuration.get("substitutions"), now)
    name = render(order.configuration.get("run_name") or run_name_template(snapshot.pipeline), values)
    return Run(
        id=uuid4(),
        name=name,
        created=now,
        index=state.runs.next_index(snapshot.pipeline.id),
        snapshot=snapshot,
        configuration=order.configuration,
        substitutions=values,
        course=_course(state, order, name),
        tags=_tags(order.configuration),
    )


def _course(state: DemoState, order: Order, name: str) -> Course:
    submitted = state.submitted()
    if order.fate is not Fate.RUNS:
        return not_run(order.fate, submitted)
    return plan(
        name,
        order.snapshot.pipeline.steps,
        given(order.configuration),
        submitted=submitted,
        run_seconds=state.options.run_seconds,
        failure_rate=state.options.failure_rate,
    )


def _occupy(state: DemoState, run: Run) -> None:
    if state.slots.take(run.created, state.options.submit_seconds):
        return
    begin, end = BUSY_LEAVES_A_RUN
    if begin <= state.version < end:
        run.course = failed(run.created, "Snapshot execution queue is full.")
        state.runs.add(run)
    raise at_capacity(state)


def at_capacity(state: DemoState) -> Refusal:
    """Make the no of a server whose slots are all taken."""
    things = "snapshot" if state.version >= SNAPSHOTS else "run template"
    return Refusal(429, "MaxConcurrentTasksError", f"Maximum number of concurrent {things} tasks reached.")


def _refuse_what_cannot_be_set(configuration: Configuration) -> None:
    if configuration.get("parameters"):
        raise Refusal(
            400,
            "ValueError",
            "Can't set pipeline parameters when running a static pipeline via the REST API. You can either use dynamic"
            " pipelines for which you can pass pipeline parameters, or refactor your pipeline code to use step"
            " parameters instead of pipeline parameters.",
        )
    for field in ("build", "schedule"):
        if configuration.get(field):
            raise Refusal(400, "ValueError", f"Can't set {field} when running pipeline via Rest API.")
    steps = [step or {} for step in (configuration.get("steps") or {}).values()]
    if any("docker" in (one.get("settings") or {}) for one in (configuration, *steps)):
        raise Refusal(400, "ValueError", "Can't set DockerSettings when running pipeline via Rest API.")


def _refuse_unknown_secrets(configuration: Configuration) -> None:
    for name in configuration.get("secrets") or ():
        raise no_such_name("secret", str(name))


def _check_parameters(state: DemoState, step: Step, parameters: Configuration) -> None:
    told, known = set(parameters), set(step.parameters)
    if state.version < PARTIAL_PARAMETERS:
        if told != known:
            # Its very words; an unknown parameter is told as one that is missing, without its name.
            raise _wrong_parameters("is missing missing the following required", step, known - told)
    elif told - known:
        raise _wrong_parameters("contains the following unknown", step, told - known)


def _wrong_parameters(what: str, step: Step, names: set[str]) -> Refusal:
    listed = "{" + ", ".join(repr(name) for name in sorted(names)) + "}" if names else "set()"
    return Refusal(400, "ValueError", f"Run configuration {what} parameters for step {step.name}: {listed}.")


def _name_taken(state: DemoState, name: str) -> Refusal:
    if state.version < PROJECTS:
        message = f"Unable to create pipeline run: A pipeline run with name '{name}' already exists."
    elif state.version < SNAPSHOTS:
        message = (
            f"Unable to create the requested pipeline run with name '{name}': Found another existing pipeline run with"
            f" the same name in the '{state.options.project}' project."
        )
    else:
        message = (
            f"Pipeline run name '{name}' already exists in this project. Each pipeline run must have a unique name.\n\n"
            "To fix this, you can:\n1. Use a different run name\n2. Use a dynamic run name with placeholders like: "
            f'"{name}_{{date}}_{{time}}"\n3. Remove the run name from your configuration to auto-generate unique names'
            "\n\nFor more information on run naming, see: "
            "https://docs.zenml.io/concepts/steps_and_pipelines/yaml_configuration#run-name"
        )
    return Refusal(409, "EntityExistsError", message)


def _tags(configuration: Configuration) -> list[str]:
    names = (tag if isinstance(tag, str) else tag["name"] for tag in configuration.get("tags") or ())
    return list(dict.fromkeys(names))
