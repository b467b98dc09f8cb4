"""What docs/alerts.md shows is what happens: its verification accepts our webhooks and nothing else."""

import asyncio
import base64
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from worker.domain.receivers import Receivers, read_secrets
from worker.notify import Notifier

DOCUMENT = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(32)).decode()


@pytest.fixture
def is_from_zenbeat():
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    names = {}
    exec(code, names)  # noqa: S102 - what the document tells readers to run
    return names["is_from_zenbeat"]


def deliver(kit, receiver, secrets, moment):
    async def main():
        notifier = Notifier(Receivers(secrets=read_secrets(secrets)), now=lambda: moment)
        try:
            await notifier.send(receiver.url, [kit.alert()])
        finally:
            await notifier.aclose()

    asyncio.run(main())
    return receiver.seen[-1]


def test_the_verification_accepts_what_is_ours_alone(kit, receiver, is_from_zenbeat):
    now = datetime.now(UTC)
    for secrets in (SECRET, f"{SECRET} {OTHER}", f"{OTHER} {SECRET}"):
        seen = deliver(kit, receiver, secrets, now)
        assert is_from_zenbeat(seen.headers, seen.body, SECRET)
        assert not is_from_zenbeat(seen.headers, seen.body + b" ", SECRET)
        assert not is_from_zenbeat({**seen.headers, "webhook-id": "other"}, seen.body, SECRET)
    seen = deliver(kit, receiver, OTHER, now)
    assert not is_from_zenbeat(seen.headers, seen.body, SECRET)
    old = deliver(kit, receiver, SECRET, now - timedelta(minutes=6))
    assert not is_from_zenbeat(old.headers, old.body, SECRET)
