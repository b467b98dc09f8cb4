"""Schedules that follow others: over all files, nobody follows what is not there, and nobody waits in a ring."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.domain.after import Upstream
from worker.domain.errors import Fault
from worker.source import Definitions, Source, lint
from worker.source.chains import find_rings, unknown_names
from worker.source.following import Link

Check = Callable[[str], list[str]]


def schedules(*entries: str) -> str:
    return "schedules:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)


def plain(name: str) -> str:
    return f"name: {name}, pipeline: {name}, every: 1h"


def after(name: str, upstream: str, key: str = "schedule") -> str:
    return f"name: {name}, pipeline: {name}, after: {{{key}: {upstream}}}"


def names(definitions: Definitions) -> list[str]:
    return [schedule.name for schedule in definitions.schedules]


def lines(definitions: Definitions) -> list[str]:
    return [Path(fault.file).name + str(fault).removeprefix(fault.file) for fault in definitions.faults]


def settled(source: Source) -> Definitions:
    source.read()
    return source.read()


def test_a_name_that_no_schedule_has(faults: Check, folder: Path) -> None:
    (folder / "b.yaml").write_text(schedules(plain("nightly")))
    assert faults(schedules(after("a", "nightli"))) == [
        'a.yaml:2:46: schedules.0.after.schedule: there is no schedule "nightli"; did you mean "nightly"?'
    ]
    assert faults(schedules(after("a", "nightly"))) == []
    assert faults(schedules("name: a, pipeline: p, after: {all_of: [{schedule: nightly}, {schedule: x}]}")) == [
        'a.yaml:2:77: schedules.0.after.all_of.1.schedule: there is no schedule "x"'
    ]


def test_a_pipeline_need_not_be_known(faults: Check) -> None:
    assert faults(schedules(after("a", "x", "pipeline"))) == []


def test_the_names_of_a_file_with_faults_are_known_and_those_of_one_that_cannot_be_read_may_be(
    faults: Check, folder: Path
) -> None:
    (folder / "b.yaml").write_text(schedules("name: b, pipeline: p, every: x"))
    assert [line[:6] for line in faults(schedules(after("a", "b")))] == ["b.yaml"]
    (folder / "b.yaml").write_text("schedules: [\n")
    assert [line[:6] for line in faults(schedules(after("a", "c")))] == ["b.yaml"]


def test_lint_of_one_file_knows_the_names_beside_it(folder: Path) -> None:
    (folder / "a.yaml").write_text(schedules(after("a", "b")))
    (folder / "b.yaml").write_text(schedules(plain("b")))
    definitions = lint([folder / "a.yaml"])
    assert (names(definitions), definitions.faults) == (["a"], ())
    (folder / "b.yaml").unlink()
    assert len(lint([folder / "a.yaml"]).faults) == 1
    assert lint([folder / "a.yaml", folder / "a.yaml"]).faults == lint([folder / "a.yaml"]).faults


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ([after("a", "a")], "2:46: schedules.0.after.schedule: this schedule waits for itself: a (a.yaml:2) -> a"),
        (
            [after("a", "a", "pipeline")],
            "2:46: schedules.0.after.pipeline: this schedule waits for itself: a (a.yaml:2) -> pipeline a -> a",
        ),
        (
            [after("a", "b"), after("b", "a")],
            "2:46: schedules.0.after.schedule: these schedules wait for each other: a (a.yaml:2) -> b (a.yaml:3) -> a",
        ),
        (
            [plain("x"), after("a", "b"), after("b", "c"), after("c", "a"), after("d", "a")],
            "3:46: schedules.1.after.schedule: these schedules wait for each other: "
            "a (a.yaml:3) -> b (a.yaml:4) -> c (a.yaml:5) -> a",
        ),
        (
            [after("a", "b"), after("b", "a", "pipeline")],
            "2:46: schedules.0.after.schedule: these schedules wait for each other: "
            "a (a.yaml:2) -> b (a.yaml:3) -> pipeline a -> a",
        ),
        (
            [plain("x"), "name: a, pipeline: p, after: {any_of: [{schedule: x}, {schedule: b}]}", after("b", "a")],
            "3:71: schedules.1.after.any_of.1.schedule: these schedules wait for each other: "
            "a (a.yaml:3) -> b (a.yaml:4) -> a",
        ),
    ],
)
def test_rings_in_one_file(faults: Check, entries: list[str], fault: str) -> None:
    assert faults(schedules(*entries)) == [f"a.yaml:{fault}"]


def test_a_ring_over_two_files_is_the_fault_of_the_last_one(faults: Check, folder: Path) -> None:
    (folder / "train.yaml").write_text(schedules(plain("x"), after("b", "a")))
    assert faults(schedules(after("a", "b"))) == [
        "train.yaml:3:46: schedules.1.after.schedule: these schedules wait for each other: "
        "a (a.yaml:2) -> b (train.yaml:3) -> a"
    ]
    assert names(lint([folder])) == ["a"]


def test_a_chain_is_no_ring(faults: Check) -> None:
    diamond = "name: d, pipeline: d, after: {all_of: [{schedule: b}, {schedule: c}]}"
    assert faults(schedules(plain("a"), after("b", "a"), after("c", "a"), diamond)) == []
    # What it follows has that pipeline, and it has not.
    assert faults(schedules(plain("a"), after("b", "a", "pipeline"), after("c", "b", "pipeline"))) == []


def test_a_pipeline_of_the_same_name_in_another_project_is_another_one(faults: Check) -> None:
    entry = "name: a, pipeline: p, {}after: {{pipeline: p, {}on: completed}}"
    assert faults(schedules(entry.format("project: x, ", "project: y, "))) == []
    for own, other in (("", ""), ("project: x, ", "project: x, "), ("", "project: x, "), ("project: x, ", "")):
        assert len(faults(schedules(entry.format(own, other)))) == 1


def test_a_second_schedule_of_a_name_waits_for_nobody(faults: Check, folder: Path) -> None:
    (folder / "b.yaml").write_text(schedules(after("a", "c")))
    (folder / "c.yaml").write_text(schedules(after("c", "a")))
    found = faults(schedules(plain("a")))
    assert found == ['b.yaml:2:12: schedules.0.name: "a" is defined already, in FOLDER/a.yaml:2']
    assert names(lint([folder])) == ["a", "c"]


def test_a_long_ring_is_not_drawn_to_its_end(faults: Check) -> None:
    [fault] = faults(schedules(*(after(f"s{number}", f"s{(number + 1) % 30}") for number in range(30))))
    assert fault.endswith("-> s19 (a.yaml:21) -> … 10 more -> s0")


def test_the_file_that_makes_a_ring_keeps_its_last_good_version(folder: Path) -> None:
    a, b = folder / "a.yaml", folder / "b.yaml"
    a.write_text(schedules(plain("a")))
    b.write_text(schedules(after("b", "a")))
    source = Source(folder)
    first = settled(source)
    assert (names(first), first.faults) == (["a", "b"], ())

    # The first file, although the last one is to blame where nothing was good yet.
    a.write_text(schedules(after("a", "b")) + "# another size\n")
    ringed = settled(source)
    assert ringed.schedules == first.schedules
    assert lines(ringed) == [
        "a.yaml:2:46: schedules.0.after.schedule: these schedules wait for each other: "
        "a (a.yaml:2) -> b (b.yaml:2) -> a"
    ]
    assert source.read() is ringed

    # The way out may lead through the other file.
    b.write_text(schedules(plain("b")) + "# another size\n")
    mended = settled(source)
    assert mended.faults == ()
    assert [schedule.when for schedule in mended.schedules] == ["after b", "every 1h"]


def test_what_stands_in_for_a_file_makes_no_ring_either(folder: Path) -> None:
    a, b = folder / "a.yaml", folder / "b.yaml"
    a.write_text(schedules(plain("a")))
    b.write_text(schedules(after("b", "a")))
    source = Source(folder)
    settled(source)
    # As the files are now there is no ring; but b.yaml has a fault, and its last good version follows a.
    a.write_text(schedules(after("a", "b")) + "# another size\n")
    b.write_text(schedules("name: b, pipeline: b, every: soon"))
    found = settled(source)
    assert [schedule.when for schedule in found.schedules] == ["every 1h", "after a"]
    assert [line[:6] for line in lines(found)] == ["a.yaml", "b.yaml"]


def test_a_ring_of_what_was_good_leaves_one_out(folder: Path) -> None:
    a, b, c = (folder / f"{name}.yaml" for name in "abc")
    b.write_text(schedules(after("x", "y")))
    c.write_text(schedules(plain("y")))
    source = Source(folder)
    settled(source)
    # From now on another x counts, so that y may follow it.
    a.write_text(schedules(plain("x")))
    c.write_text(schedules(after("y", "x"), plain("z")) + "# another size\n")
    assert names(settled(source)) == ["x", "y", "z"]
    a.unlink()
    ringed = settled(source)
    assert names(ringed) == ["x", "z"]
    assert lines(ringed) == [
        "c.yaml:2:46: schedules.0.after.schedule: these schedules wait for each other: "
        "x (b.yaml:2) -> y (c.yaml:2) -> x"
    ]


def test_a_file_that_follows_what_has_gone_keeps_running(folder: Path) -> None:
    a, b = folder / "a.yaml", folder / "b.yaml"
    a.write_text(schedules(plain("a")))
    b.write_text(schedules(after("b", "a"), plain("c")))
    source = Source(folder)
    settled(source)
    a.unlink()
    gone = settled(source)
    assert names(gone) == ["b", "c"]
    assert lines(gone) == ['b.yaml:2:46: schedules.0.after.schedule: there is no schedule "a"']
    a.write_text(schedules(plain("a")))
    assert settled(source).faults == ()


def link(number: int, **upstream: str) -> Link:
    return Link(
        schedule=f"s{number}",
        pipeline="p",
        project=None,
        index=number,
        line=number,
        upstream=Upstream(**upstream),
        place=Fault(file="f", line=number, message=""),
    )


COUNT = 30_000


@pytest.mark.parametrize(
    ("links", "rings"),
    [
        ([link(number, schedule=f"s{number + 1}") for number in range(COUNT)], 0),
        ([link(number, schedule=f"s{(number + 1) % COUNT}") for number in range(COUNT)], 1),
        ([link(number, schedule=f"s{number}") for number in range(COUNT)], COUNT),
        ([link(number, pipeline="p") for number in range(COUNT)], 1),
        ([link(number, pipeline="q") for number in range(COUNT)], 0),
    ],
    ids=["chain", "ring", "each itself", "one pipeline", "another pipeline"],
)
def test_many_that_follow_take_no_time_to_speak_of(links: list[Link], rings: int) -> None:
    begin = time.process_time()
    assert len(find_rings(links)) == rings
    # Some 0.3 s; were it quadratic, it would be minutes.
    assert time.process_time() - begin < 10


def test_many_unknown_names_take_no_time_to_speak_of() -> None:
    known = {f"s{number}" for number in range(COUNT)}
    begin = time.process_time()
    faults = unknown_names([link(number, schedule=f"s{number}x") for number in range(COUNT)], known)
    assert len(faults) == COUNT
    assert faults[0].message == 'there is no schedule "s0x"; did you mean "s0"?'
    assert time.process_time() - begin < 10
