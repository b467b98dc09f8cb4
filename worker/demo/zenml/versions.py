"""What came to ZenML when: the demo server plays the version that it is told to play."""

import re

Version = tuple[int, int, int]

RUN_TEMPLATES: Version = (0, 63, 0)
TEMPLATES_BY_PIPELINE: Version = (0, 67, 0)
"""Before, a comma was missing in ZenML, and this filter ended with 500."""
ONE_OF: Version = (0, 70, 0)
PLAIN_METADATA: Version = (0, 70, 0)
"""Before, each value that a run had reported came as a thing with an id and dates."""
PROJECTS: Version = (0, 80, 0)
"""Before, the scope was called workspace, and the statuses and shapes were fewer and other."""
IGNORES_UNKNOWN_FIELDS: Version = (0, 82, 0)
PARTIAL_PARAMETERS: Version = (0, 82, 1)
"""Also the first version that limits launches in flight."""
IDEMPOTENCY_KEY: Version = (0, 83, 1)
STOP: Version = (0, 84, 0)
SNAPSHOTS: Version = (0, 90, 0)
GRACEFUL_STOP: Version = (0, 93, 0)
"""Before, a run whose orchestrator cannot stop it by force cannot be stopped at all."""
KEY_AS_BEARER: Version = (0, 91, 2)
NO_TAG_FILTER: Version = (0, 95, 0)
"""The filter `tag` is there in 0.94 and gone in 0.98."""
BUSY_LEAVES_A_RUN: tuple[Version, Version] = ((0, 96, 0), (0, 96, 2))
"""From the first to before the second, a launch that was refused for want of capacity left a failed run."""


def parse(text: str) -> Version:
    """Read a version such as `0.98.0`. Raises ValueError."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    if found is None:
        raise ValueError(f'"{text}" is no version of ZenML; one looks like 0.98.0')
    version = (int(found[1]), int(found[2]), int(found[3] or 0))
    if version < RUN_TEMPLATES:
        raise ValueError(f"the demo server plays ZenML 0.63.0 and later, not {text}")
    return version
