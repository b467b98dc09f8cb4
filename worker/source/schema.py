"""The JSON schema of a schedule file, for completion in editors: `python -m worker.source.schema` prints it."""

import json
import sys

from worker.source.model import ScheduleFile

ADDRESS = "https://json-schema.org/draft/2020-12/schema"


def schedule_schema() -> str:
    """Write the schema, as it stands in schema/schedule.schema.json."""
    schema = {"$schema": ADDRESS, **ScheduleFile.model_json_schema(mode="validation"), "title": "Schedules of zenbeat"}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schedule_schema())
