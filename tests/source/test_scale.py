"""Ten thousand schedules."""

from pathlib import Path

from worker.source import Source

COUNT, FILES = 10_000, 50


def test_ten_thousand_schedules_share_what_they_have_in_common(folder: Path) -> None:
    (folder / "templates" / "t.yaml").write_text("steps: {a: {parameters: {day: \"{{ fire_time | date('%Y') }}\"}}}\n")
    per_file = COUNT // FILES
    for number in range(FILES):
        entries = (
            f"  - name: s{index}\n    pipeline: training\n    cron: '{index % 60} {index % 24} * * *'\n"
            "    timezone: Europe/Berlin\n    config_template: templates/t.yaml\n"
            for index in range(number * per_file, (number + 1) * per_file)
        )
        (folder / f"f{number:03}.yaml").write_text("schedules:\n" + "".join(entries))
    source = Source(folder)
    definitions = source.read()
    assert definitions.faults == ()
    assert len({schedule.name for schedule in definitions.schedules}) == COUNT
    assert len({id(schedule.timing.crons[0]) for schedule in definitions.schedules}) == 120
    assert len({id(schedule.target.config_template) for schedule in definitions.schedules}) == 1
    assert source.read() is definitions
