import json
from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.trial import TrialResult

FATES = ("completed", "failed", "stopped", "stuck", "vanished", "dead", "cancelled")


@given(
    st.builds(
        TrialResult,
        number=st.integers(1, 10**6),
        fate=st.sampled_from(FATES),
        metrics=st.dictionaries(st.text(), st.floats(allow_nan=False)),
        seconds=st.none() | st.floats(0, 1e9),
        run_id=st.none() | st.text(),
        url=st.none() | st.text(),
        reason=st.none() | st.text(),
        runs=st.integers(1, 9),
    )
)
def test_what_is_written_down_is_read_back(result: TrialResult) -> None:
    plain = json.loads(json.dumps(result.plain(), allow_nan=False))
    assert TrialResult.of(result.number, plain) == result


def test_what_is_not_known_is_left_out() -> None:
    assert TrialResult(number=3, fate="failed").plain() == {"fate": "failed", "runs": 1}


def test_nan_is_written_as_a_text() -> None:
    plain = TrialResult(number=1, fate="completed", metrics={"loss": nan, "size": -inf}).plain()
    assert plain["metrics"] == {"loss": "nan", "size": "-inf"}
    assert isnan(TrialResult.of(1, plain).metrics["loss"])


@pytest.mark.parametrize("fate", FATES)
def test_a_trial_is_good_or_failed_or_was_stopped_by_somebody(fate: str) -> None:
    result = TrialResult(number=1, fate=fate)
    assert result.good == (fate == "completed")
    assert result.failed == (fate in {"failed", "stuck", "vanished", "dead"})
