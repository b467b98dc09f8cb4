"""The rows of the live stream: one line each, made once for all who look."""

from worker.web.live import row

OUTCOME = {
    "id": "1764154380000-0",
    "status": "failed",
    "at": "2025-11-26T10:53:00Z",
    "schedule": "nightly",
    "trigger": "88b98e34-a8ed-5244-add1-c88eeabdc2f2",
    "reason": "<script>alert(1)</script>\nno room",
}


def test_a_row_is_one_line_and_what_it_tells_is_text() -> None:
    made = row(OUTCOME)
    assert b"\n" not in made
    assert b"<script>" not in made
    assert b"&lt;script&gt;alert(1)&lt;/script&gt; no room" in made


def test_a_row_is_made_once_for_all_who_look() -> None:
    assert row(OUTCOME) is row(dict(OUTCOME))
    assert row(OUTCOME) != row({**OUTCOME, "status": "completed"})
