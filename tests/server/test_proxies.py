"""The examples of reverse proxies, with the real programs: TLS, who a caller is, and streams that are not kept back."""

import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.server.living import Living, Stream
from tests.server.serving import Answer, Wire

pytestmark = pytest.mark.doors

EXAMPLES = Path(__file__).parents[2] / "examples" / "proxy"
NAME = "zenbeat.test"


class Proxied:
    """A proxy in front of the API, called by TLS as `zenbeat.test`, whose certificate is looked at."""

    def __init__(self, api: Living, port: int, process: "subprocess.Popen[bytes]", authority: Path, log: Path) -> None:
        self.api = api
        self.port = port
        self.process = process
        self._authority = authority
        self._log = log

    def open(self) -> Wire:
        wire = Wire(self.port)
        try:
            trust = ssl.create_default_context(cafile=str(self._authority))
            wire.socket = trust.wrap_socket(wire.socket, server_hostname=NAME)
        except OSError:
            wire.socket.close()
            raise
        return wire

    def ask(self, path: str, *headers: str, method: str = "GET") -> Answer:
        wire = self.open()
        with wire:
            wire.ask(path, *headers, "Connection: close", method=method, host=f"Host: {NAME}:{self.port}")
            return wire.answer()

    def ready(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        with suppress(OSError):  # which SSLError is
            return self.ask("/openapi.json").status == 200
        return False


@pytest.fixture(params=["caddy", "nginx"])
def proxied(request: Any, live: Any, tmp_path: Path, eventually: Any) -> Iterator[Proxied]:
    program = request.param
    if not shutil.which(program):
        pytest.fail(f"{program} is not installed")
    api = live(ZENBEAT_TRUSTED_PROXIES="127.0.0.1")
    port = free_port()
    log = tmp_path / "proxy.log"
    command, environment, authority = {"caddy": caddy, "nginx": nginx}[program](api, port, tmp_path)
    with log.open("wb") as out:
        process = subprocess.Popen(command, env={**os.environ, **environment}, cwd=tmp_path, stdout=out, stderr=out)
    opened = Proxied(api, port, process, authority, log)
    try:
        eventually(opened.ready, 60, f"{program} answers")
        yield opened
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


Started = tuple[list[str], dict[str, str], Path]


def caddy(api: Living, port: int, folder: Path) -> Started:
    """The example as it is; only ports, and that there is nobody to be asked for certificates."""
    config = folder / "Caddyfile"
    closed = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"
    config.write_text(closed + (EXAMPLES / "Caddyfile").read_text())
    environment = {
        "ZENBEAT_SITE": f"https://{NAME}:{port}",
        "ZENBEAT_UPSTREAM": f"127.0.0.1:{api.port}",
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "HOME": str(folder),
    }
    authority = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    return ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"], environment, authority


def nginx(api: Living, port: int, folder: Path) -> Started:
    """The example as it is; only ports, the name and the certificate."""
    certificate, key = folder / "zenbeat.crt", folder / "zenbeat.key"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    subprocess.run([*make, *names, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    text = (EXAMPLES / "nginx.conf").read_text()
    for here, there in (
        ("server 127.0.0.1:8420;", f"server 127.0.0.1:{api.port};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("zenbeat.example.com", NAME),
        ("/etc/ssl/zenbeat.crt", str(certificate)),
        ("/etc/ssl/zenbeat.key", str(key)),
    ):
        assert here in text, here
        text = text.replace(here, there)
    (folder / "zenbeat.conf").write_text(text)
    paths = "".join(
        f"{word}_temp_path {folder}/{word};\n" for word in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{paths}include {folder}/zenbeat.conf;\n}}\n"
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], {}, certificate


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def seen(caplog: Any, request_id: str) -> list[str]:
    """Where the API took a caller to be."""
    told = [record for record in caplog.records if record.name == "zenbeat.access" and record.msg == "answered"]
    return [record.address for record in told if record.request_id == request_id]


def test_it_answers_by_tls(proxied: Proxied) -> None:
    key = proxied.api.key("read")
    answer = proxied.ask("/api/v1/triggers", f"Authorization: Bearer {key}")
    assert (answer.status, json.loads(unchunked(answer))["items"]) == (200, [])
    assert answer.headers["strict-transport-security"]
    assert (
        f"https://{NAME}:{proxied.port}/api/v1/triggers".encode()
        in proxied.ask("/docs", f"Authorization: Bearer {key}").body
    )


def test_nobody_says_for_itself_where_it_comes_from(proxied: Proxied, caplog: Any, eventually: Any) -> None:
    caplog.set_level("INFO", "zenbeat.access")
    forgeries = (
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-For: 203.0.113.9, 127.0.0.1",
        "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 203.0.113.10",
        "X-Real-IP: 203.0.113.9",
        "Forwarded: for=203.0.113.9",
        "x_forwarded_for: 203.0.113.9",
    )
    for number, forged in enumerate(forgeries):
        identity = f"forged-{number}"
        assert proxied.ask("/api/v1/triggers", forged, f"X-Request-Id: {identity}").status == 401
        eventually(lambda identity=identity: seen(caplog, identity), 10)
        assert seen(caplog, identity) == ["127.0.0.1"], forged


def test_without_a_key_nobody_is_let_in_by_a_proxy(proxied: Proxied) -> None:
    assert proxied.ask("/api/v1/triggers").status == 401
    assert proxied.ask("/api/v1/triggers", "Host: localhost").status in {400, 401}
    assert proxied.api.get("/api/v1/triggers").status == 200, "on the machine itself it is open still"


def test_probes_and_figures_are_for_those_inside(proxied: Proxied) -> None:
    for path in ("/metrics", "/healthz", "/readyz"):
        assert proxied.ask(path).status == 404


def test_a_body_that_is_too_large_goes_no_further(proxied: Proxied) -> None:
    with proxied.open() as wire:
        wire.ask("/api/v1/triggers", "Content-Length: 9000000", method="POST", host=f"Host: {NAME}:{proxied.port}")
        # As callers do: Caddy answers nobody who sends nothing of the body that was announced.
        with suppress(OSError):
            for _ in range(900):
                wire.send(b"x" * 10_000)
        assert wire.socket.recv(65536).startswith(b"HTTP/1.1 413")


def test_events_come_as_they_happen(proxied: Proxied) -> None:
    key = proxied.api.key("read")
    wire = proxied.open()
    with wire:
        wire.ask("/api/v1/events", f"Authorization: Bearer {key}", host=f"Host: {NAME}:{proxied.port}")
        stream = Stream(wire)
        assert stream.head.status == 200
        for number in range(5):
            proxied.api.tell(status="started", trigger=str(number))
            # The next one is written only when this one is here: nothing is kept back.
            assert stream.outcome()["trigger"] == str(number)


def unchunked(answer: Answer) -> bytes:
    """Give the body, whatever way it came."""
    if answer.headers.get("transfer-encoding") != "chunked":
        return answer.body
    rest, whole = answer.body, b""
    while size := int(rest.partition(b"\r\n")[0] or b"0", 16):
        rest = rest.partition(b"\r\n")[2]
        whole, rest = whole + rest[:size], rest[size + 2 :]
    return whole
