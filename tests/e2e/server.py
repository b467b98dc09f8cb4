"""A real ZenML server as a process of its own: starts, stops, restarts, and can be killed."""

import json
import os
import socket
import subprocess
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from .environment import VERSION, prepare

HERE = Path(__file__).parent
READY_SECONDS = 120.0
_STOP_SECONDS = 20.0


def spoken(module: str, version: str) -> str:
    """Name the module that speaks a version's language: before 0.90, snapshots were deployments, and had no names."""
    return module if tuple(map(int, version.split("."))) >= (0, 90, 0) else f"{module}_older"


class ServerBroken(Exception):
    """The server does not serve; the message ends with the last lines of its log."""


class ZenMLServer:
    """A ZenML server whose database, configuration and log live in one directory.

    `env` adds to the server's environment or overrides it, for example ZENML_SERVER_JWT_TOKEN_EXPIRE_MINUTES="1",
    ZENML_SERVER_MAX_CONCURRENT_SNAPSHOT_RUNS="8" or ZENBEAT_E2E_SUBMIT_SECONDS="3" (see workload_manager.py). The
    address stays the same over restarts; while the server is down, connections are refused.
    """

    def __init__(self, directory: Path, version: str = VERSION, **env: str) -> None:
        self.version = version
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "server.log"
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None
        self._port = socket.socket()
        # Bound but not listening: nobody else is given this port, and the server may still listen on it.
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._port.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._port.getsockname()[1]}"

    @cached_property
    def seeded(self) -> dict[str, Any]:
        """What the seeding wrote down: `api_key`, and ids by name under `pipelines`, `snapshots` and `templates`."""
        return dict(json.loads((self.directory / "seed.json").read_text()))

    @property
    def api_key(self) -> str:
        """The API key of the service account that the seeding made."""
        return str(self.seeded["api_key"])

    @property
    def pid(self) -> int | None:
        """The process id, or None while the server is down."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and wait until it answers. Raises ServerBroken if it ends or is silent for two minutes."""
        if self._process is not None:
            raise ServerBroken(f"The server at {self.url} runs already.")
        command = [str(prepare(self.version)), str(HERE / "serve.py"), self.url.rsplit(":", 1)[1]]
        with self.log.open("ab") as log:
            # Nothing is ever written to standard input: that it closes is how the server learns of our end.
            self._process = subprocess.Popen(
                command, env=self._environment(), stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.directory
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ask the server to end and wait for it; one that does not is killed."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reap()

    def kill(self) -> None:
        """Kill the server in the middle of whatever it does."""
        if self._process is None:
            return
        self._process.kill()
        self._reap()

    def restart(self) -> None:
        """Stop the server and start it again at the same address, on the same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server for good, and give its port back; nobody needs its data, so it is not asked."""
        self.kill()
        self._port.close()

    def seed(self, *arguments: str) -> None:
        """Run the seeding against this server: all of it, or with an API key the pipelines and templates alone."""
        environment = self._environment() | {"ZENML_CONFIG_PATH": str(self.directory / "client")}
        del environment["ZENML_STORE_URL"]
        script = HERE / f"{spoken('seed', self.version)}.py"
        command = [str(prepare(self.version)), str(script), self.url, str(self.directory), *arguments]
        done = subprocess.run(
            command, env=environment, cwd=HERE, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode != 0:
            raise ServerBroken(f"The seeding failed:\n{done.stdout}{done.stderr}\n{self._last_words()}")
        self.__dict__.pop("seeded", None)

    def _reap(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.wait()
        self._process.stdin.close()
        self._process = None

    def _environment(self) -> dict[str, str]:
        """Make the whole environment: nothing of ours leaks in, no configuration of the user is read or written."""
        workload_manager = spoken("workload_manager", self.version)
        return {
            "PATH": os.defpath,
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "ZENML_STORE_URL": f"sqlite:///{self.directory / 'zenml.db'}",
            "ZENML_CONFIG_PATH": str(self.directory / "config"),
            "ZENML_ANALYTICS_OPT_IN": "false",
            "ZENML_SERVER_DEPLOYMENT_TYPE": "other",
            "ZENML_SERVER_SERVER_URL": self.url,
            # Fixed, so that tokens outlive a restart.
            "ZENML_SERVER_JWT_SECRET_KEY": "the-tests-need-no-secret-but-a-long-one-that-stays",
            "ZENML_SERVER_WORKLOAD_MANAGER_IMPLEMENTATION_SOURCE": f"{workload_manager}.DrivingWorkloadManager",
            **self._env,
        }

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if process.poll() is not None:
                raise ServerBroken(f"ZenML {self.version} ended with {process.returncode}.\n{self._last_words()}")
            if time.monotonic() > deadline:
                raise ServerBroken(
                    f"ZenML {self.version} was not ready in {READY_SECONDS:.0f} s.\n{self._last_words()}"
                )
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ready", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])
