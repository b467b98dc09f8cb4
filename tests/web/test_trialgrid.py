"""The cells of trials: the worst of them is seen, and where each leads."""

from worker.engine.sweeplook import Stretch
from worker.engine.trialrows import Mark, TrialStatus
from worker.web.charts.trialgrid import WORST_FIRST, cells_of, words_of


def one(number: int, status: str, **more: str) -> Stretch:
    mark = Mark(number=number, status=status, **more)
    return Stretch(first=number, last=number, states={status: 1}, mark=mark)


def test_a_cell_leads_to_its_trigger_or_sweep_or_nowhere() -> None:
    cells = cells_of("s", [one(1, "failed", trigger="t1"), one(2, "running", sweep="s2"), one(3, "planned")])
    assert [(cell.word, cell.href) for cell in cells] == [
        ("failed", "/triggers/t1"),
        ("running", "/sweeps/s2"),
        ("planned", ""),
    ]
    assert cells[0].title == "trial 1: failed"
    assert words_of(cells) == ["failed", "running", "planned"]


def test_of_several_trials_the_worst_is_shown_and_all_are_counted() -> None:
    states = {"completed": 48, "failed": 1, "running": 1}
    (cell,) = cells_of("s", [Stretch(first=51, last=100, states=states)])
    assert cell.word == "failed"
    assert cell.title == "trials 51 to 100: 1 failed, 1 running, 48 completed"
    assert cell.href == "/sweeps/s?first=51#trials"


def test_every_state_has_its_place() -> None:
    assert set(WORST_FIRST) == set(TrialStatus)
