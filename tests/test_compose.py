"""docker-compose.yml and the Dockerfile against the code: no engine is needed to see that they fit together."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker import __version__
from worker.cli import COMMANDS
from worker.settings import SECRETS, VARIABLES, Settings

ROOT = Path(__file__).parents[1]
OURS = ("beat", "worker")


@pytest.fixture
def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.mark.parametrize("role", OURS)
def test_each_service_runs_a_command_that_there_is(role: str, compose: Any) -> None:
    service = compose["services"][role]
    assert service["command"] == ["zenbeat", role]
    assert role in COMMANDS
    assert service["healthcheck"]["test"] == ["CMD", "zenbeat", "healthcheck", role]
    assert service["image"] == f"zenbeat:{__version__}"


@pytest.mark.parametrize("role", OURS)
def test_each_variable_is_one_that_we_read(role: str, compose: Any) -> None:
    known = {*VARIABLES, *(f"{name}_FILE" for name in SECRETS)}
    service = compose["services"][role]
    assert set(service["environment"]) <= known
    files = {path for name, path in service["environment"].items() if name.endswith("_FILE")}
    assert files == {f"/run/secrets/{name}" for name in service["secrets"]}
    assert set(service["secrets"]) <= set(compose["secrets"])
    mounted = {volume.split(":")[1] for volume in service["volumes"]}
    assert service["environment"]["SCHEDULES_DIR"] in mounted


@pytest.mark.parametrize("role", OURS)
def test_a_worker_has_time_to_end_what_is_on_its_way(role: str, compose: Any) -> None:
    grace = int(compose["services"][role]["stop_grace_period"].removesuffix("s"))
    assert grace > Settings().http_timeout + 5


@pytest.mark.parametrize("role", OURS)
def test_nothing_runs_as_root_or_can_write(role: str, compose: Any) -> None:
    service = compose["services"][role]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    assert re.search(r"^USER (?!root)\w+$", (ROOT / "Dockerfile").read_text(), re.M)


def test_valkey_keeps_what_it_accepted(compose: Any) -> None:
    command = compose["services"]["valkey"]["command"][-1]
    for setting in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction", "--requirepass"):
        assert setting in command


def test_what_the_image_copies_is_there() -> None:
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M):
        for name in line.split():
            assert (ROOT / name).exists(), name


def test_the_health_check_does_not_load_celery() -> None:
    program = (
        "import sys; sys.argv = ['zenbeat', 'healthcheck', 'beat', '--help']\n"
        "from worker.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit('celery' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert ended.returncode == 0
