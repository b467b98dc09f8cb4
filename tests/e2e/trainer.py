"""What a trainer would report after an epoch; read by the workload managers, inside the servers."""

import math
from collections.abc import Mapping
from typing import Any


def report(parameters: Mapping[str, Any], epoch: int) -> dict[str, Any]:
    """Give the metadata after an epoch, from 1: the accuracy grows evenly to the learning rate's."""
    accuracy = best(float(parameters["lr"])) * epoch / int(parameters["epochs"])
    # The epoch last: ZenML writes these one after another, and whoever reads it then finds what belongs to it.
    return {"accuracy": accuracy, "loss": 1 - accuracy, "model_type": parameters["model_type"], "epoch": epoch}


def best(learning_rate: float) -> float:
    """Give 1 at a learning rate of 0.01 and less the farther away it is: 1 / (1 + (log10(lr) + 2)^2)."""
    return 1 / (1 + (math.log10(learning_rate) + 2) ** 2)
