"""What a run of a schedule would be sent for a fire time, as the beat would render it now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from worker.domain.schedule import Schedule
from worker.engine.past import Past
from worker.engine.planner import example
from worker.engine.runtime import Engine
from worker.render import merge


async def body_at(engine: Engine, schedule: Schedule, fire_time: datetime) -> Mapping[str, Any]:
    """Render the body of a fire time with what is known of its past; of a sweep, that of its first trial.

    Raises InvalidInput with the dotted path of what cannot be rendered.
    """
    known = await Past(engine.pauses, engine.results, engine.sweeps).known(schedule)
    return example(schedule, fire_time, known)


def written(schedule: Schedule) -> Mapping[str, Any]:
    """Give the configuration as it is written: `config` laid over the config template, expressions still in it."""
    return merge(schedule.target.config_template, schedule.target.config)
