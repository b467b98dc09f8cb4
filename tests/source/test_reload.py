"""Files that change while we run: what counts, when, and what goes on running when something is wrong."""

import os
from pathlib import Path

import pytest

from worker.source import Definitions, Source

A = "schedules:\n  - {name: a, pipeline: p, every: 10s}\n"
B = "schedules:\n  - {name: b, pipeline: p, every: 10s}\n"
BROKEN = "schedules:\n  - {name: a, pipeline: p, every: }\n"


def names(definitions: Definitions) -> list[str]:
    return [schedule.name for schedule in definitions.schedules]


def lines(definitions: Definitions) -> list[str]:
    return [Path(fault.file).name + str(fault).removeprefix(fault.file) for fault in definitions.faults]


def settled(source: Source) -> Definitions:
    """Look twice: a change counts when two looks in a row found the same."""
    source.read()
    return source.read()


def rewrite(path: Path, text: str) -> None:
    """Write a file in place so that its times differ from before, however coarse the clock of the file system is."""
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:
        path.write_text(text)


def test_the_same_object_as_long_as_nothing_changes(folder: Path) -> None:
    (folder / "a.yaml").write_text(A)
    source = Source(folder)
    first = source.read()
    assert names(first) == ["a"]
    assert all(source.read() is first for _ in range(5))


def test_a_change_counts_at_the_second_look_that_finds_it(folder: Path) -> None:
    (folder / "a.yaml").write_text(A)
    source = Source(folder)
    first = settled(source)
    rewrite(folder / "a.yaml", B)
    assert source.read() is first
    assert names(source.read()) == ["b"]


def test_without_settling_a_change_counts_at_once(folder: Path) -> None:
    (folder / "a.yaml").write_text(A)
    source = Source(folder, settle=False)
    source.read()
    rewrite(folder / "a.yaml", B)
    assert names(source.read()) == ["b"]


def test_a_change_of_the_same_size_with_the_old_time_of_modification_is_seen(folder: Path) -> None:
    path = folder / "a.yaml"
    path.write_text(A)
    source = Source(folder)
    settled(source)
    before = path.stat()
    rewrite(path, B)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert names(settled(source)) == ["b"]


def test_a_change_right_after_the_first_look_is_seen(folder: Path) -> None:
    # Within one tick of the file system's clock, so that all times may be those of the first writing.
    path = folder / "a.yaml"
    for _ in range(50):
        path.write_text(A)
        source = Source(folder)
        source.read()
        path.write_text(B)
        assert names(settled(source)) == ["b"]


def test_touching_a_file_changes_nothing(folder: Path) -> None:
    path = folder / "a.yaml"
    path.write_text(A)
    source = Source(folder)
    first = settled(source)
    os.utime(path, ns=(1, 1))
    assert settled(source) is first


@pytest.mark.parametrize("cut", range(0, len(A + B), 7))
def test_half_a_file_is_never_taken_for_a_whole_one(folder: Path, cut: int) -> None:
    path = folder / "a.yaml"
    whole = A + "  - {name: b, pipeline: p, every: 20s}\n"
    path.write_text(A)
    source = Source(folder)
    settled(source)
    rewrite(path, whole[: min(cut, len(whole) - 1)])
    assert names(source.read()) == ["a"]
    rewrite(path, whole)
    assert names(source.read()) == ["a"]
    assert names(source.read()) == ["a", "b"]


def test_a_broken_file_keeps_its_last_good_version_running(folder: Path) -> None:
    path = folder / "a.yaml"
    path.write_text(A)
    (folder / "b.yaml").write_text(B)
    source = Source(folder)
    first = settled(source)
    rewrite(path, BROKEN)
    broken = settled(source)
    assert broken.schedules == first.schedules
    assert broken.schedules[0] is first.schedules[0]
    assert lines(broken) == [
        "a.yaml:2:5: schedules.0: it is not said when it is due; write one of cron, every, at and after"
    ]
    assert source.read() is broken
    rewrite(path, A.replace("10s", "20s"))
    mended = settled(source)
    assert mended.faults == ()
    assert mended.schedules[0].when == "every 20s"
    assert mended.schedules[1] is first.schedules[1]


def test_an_emptied_file_is_broken_and_not_without_schedules(folder: Path) -> None:
    (folder / "a.yaml").write_text(A)
    source = Source(folder)
    settled(source)
    rewrite(folder / "a.yaml", "")
    emptied = settled(source)
    assert names(emptied) == ["a"]
    assert lines(emptied) == [
        "a.yaml:1:1: the file defines nothing; write schedules: [] if that is meant, or delete it"
    ]


def test_a_file_that_is_broken_from_the_start_gives_nothing_and_stops_nobody(folder: Path) -> None:
    (folder / "a.yaml").write_text(BROKEN)
    (folder / "b.yaml").write_text(B)
    definitions = Source(folder).read()
    assert names(definitions) == ["b"]
    assert len(definitions.faults) == 1


def test_files_come_and_go(folder: Path) -> None:
    source = Source(folder)
    assert source.read() == Definitions()
    (folder / "a.yaml").write_text(A)
    assert names(source.read()) == []
    assert names(source.read()) == ["a"]
    (folder / "b.yml").write_text(B)
    assert names(settled(source)) == ["a", "b"]
    (folder / "a.yaml").unlink()
    assert names(source.read()) == ["a", "b"]
    assert names(source.read()) == ["b"]
    (folder / "a.yaml").write_text(A)
    assert names(settled(source)) == ["a", "b"]


def test_a_file_that_is_replaced_is_not_missed_in_between(folder: Path) -> None:
    (folder / "a.yaml").write_text(A)
    source = Source(folder)
    first = settled(source)
    (folder / "a.yaml").rename(folder / "a.yaml~")
    assert source.read() is first
    (folder / "new").write_text(A.replace("10s", "30s"))
    (folder / "new").rename(folder / "a.yaml")
    assert source.read() is first
    assert source.read().schedules[0].when == "every 30s"


def test_a_broken_file_that_vanishes_takes_its_schedules_with_it(folder: Path) -> None:
    (folder / "a.yaml").write_text(A)
    source = Source(folder)
    settled(source)
    rewrite(folder / "a.yaml", BROKEN)
    settled(source)
    (folder / "a.yaml").unlink()
    assert settled(source) == Definitions()


def test_config_templates_are_watched_too(folder: Path) -> None:
    template = folder / "templates" / "t.yaml"
    template.write_text("tags: [a]\n")
    (folder / "a.yaml").write_text(A.replace("every", "config_template: templates/t.yaml, every"))
    (folder / "b.yaml").write_text(B)
    source = Source(folder)
    first = settled(source)
    assert first.schedules[0].target.config_template == {"tags": ["a"]}

    rewrite(template, "tags: [b]\n")
    second = settled(source)
    assert second.schedules[0].target.config_template == {"tags": ["b"]}
    assert second.schedules[1] is first.schedules[1]

    rewrite(template, "tags: b\n")
    third = settled(source)
    assert third.schedules[0].target.config_template == {"tags": ["b"]}
    assert lines(third) == ["t.yaml:1:7: tags: has to be a list"]

    template.unlink()
    fourth = settled(source)
    assert fourth.schedules[0].target.config_template == {"tags": ["b"]}
    assert lines(fourth) == ["a.yaml:2:45: schedules.0.config_template: templates/t.yaml: there is no such file"]

    template.write_text("tags: [c]\n")
    fifth = settled(source)
    assert fifth.faults == ()
    assert fifth.schedules[0].target.config_template == {"tags": ["c"]}


def test_a_schedule_that_moves_to_another_file_never_stops(folder: Path) -> None:
    (folder / "a.yaml").write_text(A)
    (folder / "z.yaml").write_text(B)
    source = Source(folder)
    settled(source)
    rewrite(folder / "z.yaml", B + "  - {name: a, pipeline: p, every: 10s}\n")
    doubled = settled(source)
    assert names(doubled) == ["a", "b"]
    assert lines(doubled) == [f'z.yaml:3:12: schedules.1.name: "a" is defined already, in {folder}/a.yaml:2']
    (folder / "a.yaml").unlink()
    moved = settled(source)
    assert (names(moved), moved.faults) == (["b", "a"], ())


def test_a_name_that_another_file_takes_over_runs_once(folder: Path) -> None:
    (folder / "b.yaml").write_text(A)
    source = Source(folder)
    settled(source)
    (folder / "a.yaml").write_text(A.replace("10s", "20s"))
    taken = settled(source)
    assert [(schedule.name, schedule.when) for schedule in taken.schedules] == [("a", "every 20s")]
    assert len(taken.faults) == 1


def test_a_missing_folder_is_one_fault_with_the_way_out(folder: Path) -> None:
    missing = folder / "nowhere"
    source = Source(missing)
    first = source.read()
    assert [str(fault) for fault in first.faults] == [
        f"{missing}: there is no such folder; create it, or name another one in SCHEDULES_DIR"
    ]
    assert source.read() is first
    missing.mkdir()
    (missing / "a.yaml").write_text(A)
    found = settled(source)
    assert (names(found), found.faults) == (["a"], ())


def test_a_folder_that_vanishes_keeps_running(folder: Path) -> None:
    (folder / "a.yaml").write_text(A)
    source = Source(folder)
    settled(source)
    folder.rename(folder.parent / "elsewhere")
    gone = settled(source)
    assert names(gone) == ["a"]
    assert len(gone.faults) == 1
    assert source.read() is gone
    (folder.parent / "elsewhere").rename(folder)
    back = settled(source)
    assert (names(back), back.faults) == (["a"], ())


def test_a_folder_that_is_a_file(folder: Path) -> None:
    (folder / "a").write_text(A)
    assert [str(fault) for fault in Source(folder / "a").read().faults] == [
        f"{folder}/a: the folder of the schedule files cannot be read: Not a directory"
    ]


def test_what_is_no_file_is_reported_and_does_not_hang(folder: Path) -> None:
    os.mkfifo(folder / "a.yaml")
    (folder / "b.yaml").mkdir()
    (folder / "c.yaml").symlink_to(folder / "c.yaml")
    (folder / "d.yaml").write_bytes(b"#" * 1_048_577)
    (folder / "e.yaml").write_text(A)
    definitions = Source(folder).read()
    assert names(definitions) == ["a"]
    assert lines(definitions) == [
        "a.yaml: is not a file",
        "b.yaml: is not a file",
        "d.yaml: the file is larger than 1 MiB; split it",
    ]
