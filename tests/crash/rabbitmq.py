"""A RabbitMQ of our own, from Debian's rabbitmq-server."""

import os
import signal
import socket
import subprocess
from pathlib import Path

from .site import wait

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitMQ:
    """One node on free ports, with its data in a folder; `url` is its address."""

    def __init__(self, folder: Path) -> None:
        assert PROGRAM.exists(), "apt-get install rabbitmq-server"
        self.folder = folder
        self.port, distribution, mapper = (free_port() for _ in range(3))
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        folder.mkdir(parents=True)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"crash{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_PORT": str(mapper),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none.conf"),
        }
        (folder / "plugins").write_text("[].\n")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "RabbitMQ":
        with (self.folder / "rabbitmq.log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(PROGRAM)], env=self._environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        wait(self._answers, "RabbitMQ")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            # Its shell, its emulator, and the port mapper that it started.
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(30)
            subprocess.run(["epmd", "-kill"], env=self._environment, capture_output=True, check=False, timeout=10)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "rabbitmq.log").read_text()[-2000:]
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(probe.recv(1))
        except OSError:
            return False


def free_port() -> int:
    """Give a port that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
