"""What a run reports about itself, as a trainer would log it: after each epoch, and when it is done. Pure."""

import math
from collections.abc import Mapping
from typing import Any

BEST_OF: Mapping[str, float] = {"xgboost": 0.97, "rf": 0.92, "svm": 0.88, "linear": 0.8}
"""The accuracy that a type of model can come to; any other one comes to OTHERS."""
OTHERS = 0.75

BEST_RATE = -2.0
"""Decimal logarithm of the learning rate that is best."""

MOST_EPOCHS = 1_000_000
DIGITS = 6


def report(parameters: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Give what a trainer has reported after a share (0 to 1) of its time; nothing before its first epoch is over.

    `accuracy` grows with the epochs; it is best at a learning rate of 0.01, and less the farther away it is. `loss` is
    its negative logarithm.
    """
    if "lr" not in parameters:
        return {}
    epoch = math.floor(share * min(parameters["epochs"], MOST_EPOCHS))
    if epoch < 1:
        return {}
    accuracy = _accuracy(parameters["lr"], epoch, parameters["model_type"])
    return {
        "epoch": epoch,
        "accuracy": round(accuracy, DIGITS),
        "loss": round(-math.log(accuracy), DIGITS),
        "model_type": parameters["model_type"],
    }


def _accuracy(rate: float, epoch: int, model_type: str) -> float:
    of_the_rate = 1 / (1 + (math.log10(rate) - BEST_RATE) ** 2)
    of_the_epochs = 1 - 0.5**epoch
    return BEST_OF.get(model_type, OTHERS) * of_the_rate * of_the_epochs
