"""docker-compose.yml and the Dockerfile against the code: no engine is needed to see that they fit together."""

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from worker import __version__
from worker.cli import COMMANDS
from worker.demo.valkey import find_program
from worker.settings import SECRETS, VARIABLES, Settings

ROOT = Path(__file__).parents[1]
OURS = ("beat", "worker", "api")


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


def test_the_api_is_reached_from_the_host_alone(compose: Any) -> None:
    service = compose["services"]["api"]
    assert service["ports"] == [f"127.0.0.1:{Settings().api_port}:{Settings().api_port}"]
    assert service["environment"]["ZENBEAT_API_HOST"] == "0.0.0.0"  # noqa: S104 - inside the container


def test_valkey_keeps_what_it_accepted(compose: Any) -> None:
    command = compose["services"]["valkey"]["command"][-1]
    for setting in ("appendonly yes", "appendfsync always", "maxmemory-policy noeviction", "requirepass "):
        assert f"\n{setting}" in command


@pytest.mark.parametrize("service", ["valkey", *OURS])
def test_a_container_that_was_taken_over_is_not_the_host(service: str, compose: Any) -> None:
    known = compose["services"][service]
    assert (known["read_only"], known["cap_drop"]) == (True, ["ALL"])
    assert known["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "ipc", "cap_add", "devices"} & known.keys()
    assert not any("docker.sock" in volume for volume in known["volumes"])


def test_nobody_gets_to_valkey_but_zenbeat(compose: Any) -> None:
    valkey = compose["services"]["valkey"]
    assert "ports" not in valkey
    assert valkey["networks"] == ["store"]
    assert compose["networks"]["store"]["internal"] is True


def test_valkey_wants_its_password_and_no_command_line_shows_it(
    compose: Any, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / "valkey-server").symlink_to(find_program())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shell, flag, text = compose["services"]["valkey"]["command"]
    text = text.replace("$$", "$").replace("/run/secrets/redis_password", str(tmp_path / "password"))
    text = text.replace("appendonly yes", f"appendonly yes\nbind 127.0.0.1\nport {port}")
    server = subprocess.Popen(
        [shell, flag, text], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, stdout=subprocess.DEVNULL
    )
    try:
        with redis.Redis(port=port, password="hunter2") as client, redis.Redis(port=port) as stranger:
            eventually(lambda: _answers(client))
            assert "always" in str(client.config_get("appendfsync"))
            with pytest.raises(redis.AuthenticationError):
                stranger.ping()
        assert b"hunter2" not in Path(f"/proc/{server.pid}/cmdline").read_bytes()
    finally:
        server.terminate()
        server.wait(10)


def _answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


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
