import pytest

from worker.domain.nearest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("MOM", "MON"),
        ("monday", "MON"),
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("zz", None),
    ],
)
def test_nearest(word: str, expected: str | None) -> None:
    assert nearest(word, ["MON", "TUE", "Europe/Berlin", "Europe/Bern"]) == expected


def test_did_you_mean() -> None:
    assert did_you_mean("shfit", ["shift", "skip"]) == '; did you mean "shift"?'
    assert did_you_mean("qqq", ["shift", "skip"]) == ""
    assert did_you_mean("shift", []) == ""
