"""docs/security.md is true: the tests that it names exist, and what can be seen by looking is as it says."""

import ast
import re
import ssl
from pathlib import Path

import pytest

from worker.celery import ALWAYS
from worker.notify.webhook import _ssl_context
from worker.zenml.bounded import ssl_context
from worker.zenml.options import ZenMLOptions

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TABLE)))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_test_that_the_table_names_is_there(file: str, name: str) -> None:
    functions = [node for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)]
    assert name in {function.name for function in functions}


def test_each_row_of_the_table_is_shown_or_says_why_not() -> None:
    rows = re.findall(r"^\| (\d+\.\d+\.\d+.*?) \| (.*) \| (.*)\|$", TABLE, re.M)
    assert len(rows) > 30
    for items, done, shown in rows:
        assert "::" in shown or "not done" in done.lower() or "operator" in done, items


def test_celery_takes_json_and_no_orders() -> None:
    assert (ALWAYS["accept_content"], ALWAYS["task_serializer"]) == (["json"], "json")
    assert ALWAYS["worker_enable_remote_control"] is False
    assert ALWAYS["worker_send_task_events"] is False
    assert ALWAYS["task_create_missing_queues"] is False


def test_tls_is_1_2_or_later() -> None:
    for context in (_ssl_context(), ssl_context(ZenMLOptions(url="https://zenml.example.com"))):
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("module", ["apikey", "signatures"])
def test_secrets_are_compared_in_constant_time(module: str) -> None:
    """Timing cannot be measured on a busy machine; that nothing else compares can be seen."""
    text = (ROOT / "worker" / "domain" / f"{module}.py").read_text()
    assert "hmac.compare_digest(" in text
    assert not re.search(r"(digest|secret|signature)\w*(\(\w*\))? (==|!=) ", text)
