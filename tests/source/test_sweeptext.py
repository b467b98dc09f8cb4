"""A sweep typed as YAML: what JSON pointers stand for in the text."""

import pytest

from worker.domain.errors import Fault, InvalidInput
from worker.source.sweeptext import read_sweep_text

TEXT = """\
sweeps:
  - name: a
    parameters:
      x/y: {min: 1,
            max: 2}
    points: [{a: 1}, {a: 2}]
"""


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("", (2, 5)),
        ("/name", (2, 5)),
        ("/parameters/x~1y", (4, 7)),
        ("/parameters/x~1y/max", (5, 13)),
        ("/points/1/a", (6, 23)),
        ("/parameters/nothing", (3, 5)),
    ],
)
def test_a_pointer_leads_to_a_line_and_column(pointer: str, place: tuple[int, int]) -> None:
    fault = read_sweep_text(TEXT).placed(Fault(message="m", pointer=pointer))
    assert (fault.line, fault.column) == place


def test_what_has_a_place_of_its_own_keeps_it() -> None:
    text = read_sweep_text(TEXT)
    for fault in (Fault(message="m", line=9, column=8), Fault(message="m", file="t.yaml")):
        assert text.placed(fault) == fault


def test_a_sweep_may_stand_alone_or_in_its_section() -> None:
    assert read_sweep_text(TEXT).words["name"] == "a"
    assert read_sweep_text("name: a\r\n").words == {"name": "a"}
    with pytest.raises(InvalidInput, match="1:1: sweeps: write one sweep"):
        read_sweep_text("sweeps: [{name: a}, {name: b}]")
