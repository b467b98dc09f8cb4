"""The server as a process, and what a person sees of it."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from worker.demo.zenml import DemoServer

Make = Callable[..., Any]

RUN = """
import logging, sys
from worker.demo.zenml import DemoOptions, run_demo


class Line(logging.Formatter):
    def format(self, record):
        return f"{record.getMessage()} {getattr(record, 'url', '')}"


handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(Line())
logging.basicConfig(level="INFO", handlers=[handler])
run_demo(port=0, options=DemoOptions())
"""


def test_the_page_says_demo_and_shows_the_runs_escaped(demo: Make) -> None:
    here = demo()
    here.post({"run_name": "<script>alert(1)</script>", "tags": ["<b>"]})
    for path in ("/demo", "/"):
        page = here.http.get(path)
        assert page.headers["content-type"].startswith("text/html")
        assert "DEMO" in page.text[:900]
        assert "&lt;script&gt;alert(1)" in page.text
        assert "<script>" not in page.text
        assert "<b>" not in page.text


def test_a_link_to_a_run_leads_to_it(demo: Make) -> None:
    here = demo()
    run = here.start("wanted")
    here.start("other")
    for path in (f"/runs/{run}", f"/projects/default/runs/{run}"):
        page = here.http.get(path).text
        assert "<h1>Run wanted</h1>" in page
        assert "other" not in page


def test_every_answer_says_that_it_is_a_demo(demo: Make) -> None:
    here = demo()
    for path in ("/demo", "/health", "/api/v1/info", "/api/v1/runs/nope", "/api/v1/nope"):
        assert here.http.get(path).headers["x-zenbeat-demo"] == "true"


def test_servers_stand_side_by_side_and_stop_in_mid_request(eventually: Callable[..., None]) -> None:
    with DemoServer() as one, DemoServer(version="0.75.1") as other:
        assert httpx.get(f"{one.url}/api/v1/version", trust_env=False).json() == "0.98.0"
        assert httpx.get(f"{other.url}/api/v1/version", trust_env=False).json() == "0.75.1"
        one.state.faults.add("hang_before", seconds=60)
        failed: list[Exception] = []

        def ask() -> None:
            try:
                httpx.get(f"{one.url}/api/v1/version", trust_env=False, timeout=60)
            except httpx.TransportError as error:
                failed.append(error)

        waiting = threading.Thread(target=ask)
        waiting.start()
        eventually(lambda: not one.state.faults.armed(), what="the request is there")
    waiting.join(10)
    assert failed, "who waited is cut off"
    with pytest.raises(httpx.ConnectError):
        httpx.get(one.url, trust_env=False)


def test_a_taken_address_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        DemoServer(port=taken.getsockname()[1])


def test_as_a_process_it_is_small_idle_and_ends_on_request(eventually: Callable[..., None]) -> None:
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first.startswith("demo: this is not ZenML")
            url = first.split()[-1]
            token = httpx.post(f"{url}/api/v1/login", data={"password": "ZENKEY_demo"}, trust_env=False).json()
            with httpx.Client(headers={"Authorization": f"Bearer {token['access_token']}"}, trust_env=False) as http:
                template = http.get(f"{url}/api/v1/run_templates").json()["items"][0]["id"]
                for _ in range(20):
                    http.post(f"{url}/api/v1/run_templates/{template}/runs")
            assert resident_mebibytes(process.pid) < 60
        finally:
            process.send_signal(signal.SIGTERM)
        said = process.stdout.read()
        process.wait(10)
    lines = said.splitlines()
    assert any(line.startswith("demo: run accepted") for line in lines)
    assert lines[-1].startswith("demo: ended")
    assert all(line.startswith("demo:") for line in lines), said


def resident_mebibytes(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
