"""Whatever is typed into a schedule file: it is read, or refused with a place, and nothing else happens."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.source import lint

TEXT = """\
schedules:
  - name: nightly
    pipeline: training
    template: production
    cron: ["0 2 * * *", "H * * * *"]
    timezone: Europe/Berlin
    dst: {gap: shift, fold: first}
    jitter: 60s
    start_time: 2026-12-01T08:00
    skip_dates: [2026-12-24, 2026-12-30/2027-01-06]
    max_runs: 7
    catchup_window: 1h
    retry: {max_attempts: 3, initial: 2s, max: 5m, run: {max_attempts: 3, on: [failed, stopped]}}
    pause_after: 3
    deadline: 06:00
    expect_every: 26h
    notify: {to: [ops, "https://x.example/y"], on: late, quiet: 22:00-07:00}
    config:
      run_name: "a-{{ fire_time.year }}"
      steps: {model_trainer: {parameters: {data_date: "{{ fire_time | date('%Y-%m-%d') }}"}}}
  - name: report
    pipeline: training
    after: {all_of: [{schedule: nightly, on: [completed, failed]}, {pipeline: etl, project: p}], window: 6h}
    config: {extra: {id: "{{ upstreams[1].run_id }}", since: "{{ last_success.ended if last_success }}"}}
sweeps:
  - name: lr
    pipeline: training
    method: random
    run_cap: 3
    metric: {name: loss, goal: minimize}
    parameters: {lr: {distribution: uniform, min: 0.1, max: 1.0}}
    config: {extra: {lr: "{{ params.lr }}"}}
  - name: optimizers
    pipeline: training
    method: grid
    every: 1h
    catchup: none
    overlap: skip
    parameters:
      optimizer: {values: [sgd, adam]}
      sgd: {parameters: {momentum: {values: [0.1, 0.9], when: optimizer == 'sgd'}}}
      a: {min: 1, max: 3}
      b: {values: [1, 2, 3]}
    zip: [[a, b]]
    where: [a * b < 9, momentum == None or momentum > 0.5]
    metrics: [{name: loss, target: 0.1}]
    stop_when: {failures: 3, reached: loss < 0.2}
    budget: {hours: 3, runs: 9}
    early_terminate: {type: asha, resource: epoch, min_iter: 1, eta: 3}
    config: {extra: {a: "{{ params.a }}", at: "{{ fire_time }}"}}
  - {name: best, pipeline: training, method: list, points: [{a: 1}, {a: 2, b: x}], where: a > 1}
"""
WORDS = TEXT.split()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, len(TEXT)),
    length=st.integers(0, 40),
    typed=st.text(max_size=8)
    | st.sampled_from([*WORDS, "{", "]", "-1", "1e9", "null", "{{", "%", "99999999999999999999"]),
)
def test_an_edit_anywhere(folder: Path, start: int, length: int, typed: str) -> None:
    text = TEXT[:start] + typed + TEXT[start + length :]
    (folder / "a.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    definitions = lint([folder])
    for fault in definitions.faults:
        assert fault.message
        assert fault.line > 0
        assert fault.column > 0
    assert definitions.faults or len(definitions.schedules) <= 3
