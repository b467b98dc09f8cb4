"""A pipeline whose steps are known only when it runs, which came with 0.92: its own parameters can be given."""

from pipelines import model_trainer
from zenml import pipeline


@pipeline(name="tuning", enable_cache=False, dynamic=True)
def tuning(model_type: str = "rf", lr: float = 0.1, epochs: int = 3, seconds: float = 0.0, fail: bool = False) -> None:
    """Train as often as it takes."""
    model_trainer(1, model_type=model_type, data_date="2026-01-01", lr=lr, epochs=epochs, seconds=seconds, fail=fail)
