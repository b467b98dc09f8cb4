"""Would the first trial of a sweep start? Asked of ZenML before anything is recorded, each fault with its place."""

from worker.domain.errors import Fault, InvalidInput, Refused, ZenbeatError, ZenMLError
from worker.domain.schedule import SweepDefinition
from worker.engine.newsweeps import Defined
from worker.engine.runtime import Engine
from worker.engine.sweeping import first_trial
from worker.source.inline import ENTRY
from worker.zenml.check import find_faults

MOST_TRIALS = 1_000_000
"""More are hardly meant."""


async def check_sweep(engine: Engine, defined: Defined) -> str:
    """Hold the body of the first trial against what it would start.

    Gives why that could not be done, "" if it fits. Raises InvalidInput with every fault and its place.
    """
    definition = defined.definition
    try:
        body = await first_trial(engine, definition, defined.zone)
    except InvalidInput:
        raise
    except ZenbeatError as error:
        return str(error)
    if not engine.settings.zenml_url:
        return "no address of ZenML is set (ZENML_STORE_URL)"
    target = definition.target
    try:
        found = await engine.zenml.find_target(target.pipeline, target.template, target.snapshot, target.project)
    except Refused as error:
        raise InvalidInput([_at(definition.place, "", str(error))]) from error
    except ZenMLError as error:
        return str(error)
    faults = [fault for path, message in find_faults(found, body) for fault in _placed(definition, path, message)]
    if faults:
        raise InvalidInput(sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column)))
    return ""


def _placed(definition: SweepDefinition, path: str, message: str) -> list[Fault]:
    """Say where something stands that does not fit: at the parameters that lead there, else at the sweep."""
    leading = {
        name: place
        for name, place in definition.places.items()
        if path and (f"{path}.".startswith(f"{name}.") or name.startswith(f"{path}."))
    }
    return [_at(place, name, message) for name, place in leading.items()] or [_at(definition.place, path, message)]


def _at(place: str, path: str, message: str) -> Fault:
    if place.startswith(ENTRY):
        return Fault(message=f"{path}: {message}" if path else message, pointer=place.removeprefix(ENTRY))
    *file, line, column = place.rsplit(":", 2) if place.count(":") > 1 else [*place.rsplit(":", 1), "0"]
    if not (file and line.isdigit() and column.isdigit()):
        return Fault(file=place, path=path, message=message)
    return Fault(file=file[0], line=int(line), column=int(column), path=path, message=message)
