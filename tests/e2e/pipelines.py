"""The pipelines that the tests start, as a user of ZenML would write them; compiled by ZenML's own client.

Their code is never executed: the tests' workload manager reads the parameters and acts them out.
"""

from zenml import pipeline, step


@step(enable_cache=False)
def data_loader() -> int:
    """Load what there is to learn from."""
    return 1000


@step(enable_cache=False)
def model_trainer(
    rows: int, model_type: str, data_date: str, lr: float, epochs: int, seconds: float, fail: bool
) -> float:
    """Train a model; takes `seconds`, divided among the epochs, and fails if told to."""
    return lr * rows


@pipeline(name="training", enable_cache=False)
def training(model_type: str = "rf", data_date: str = "2026-01-01", lr: float = 0.1) -> None:
    """Train a model on the data of a day."""
    rows = data_loader()
    model_trainer(rows, model_type=model_type, data_date=data_date, lr=lr, epochs=3, seconds=0.0, fail=False)


@step(enable_cache=False)
def scorer(data_date: str, seconds: float, fail: bool) -> int:
    """Score the data of a day; takes `seconds`, and fails if told to."""
    return len(data_date)


@pipeline(name="scoring", enable_cache=False)
def scoring() -> None:
    """Score the data of a day with the model there is."""
    scorer(data_date="2026-01-01", seconds=0.0, fail=False)
