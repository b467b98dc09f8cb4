"""Setting itself up: a small project that has our bootstrap as its own, real Pythons, and no network."""

import ast
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree

import pytest

import worker.bootstrap
from worker.bootstrap.getpip import Wheel, fetch
from worker.bootstrap.words import SetupError

PACKAGE = Path(worker.bootstrap.__file__).parents[1]
BASE = Path(sys._base_executable)  # type: ignore[attr-defined]

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "zenbeat"
dependencies = ["needed>=1"]

[project.optional-dependencies]
up = []
dev = ["zenbeat[up]", "tested-with"]
"""

BACKEND = """\
import sys, zipfile

def build_editable(folder, settings=None, metadata=None):
    name = "zenbeat-1-py3-none-any.whl"
    about = "Metadata-Version: 2.1\\nName: zenbeat\\nVersion: 1\\nRequires-Dist: needed>=1\\n"
    about += "Provides-Extra: up\\nProvides-Extra: dev\\nRequires-Dist: tested-with; extra == 'dev'\\n"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("zenbeat-1.dist-info/METADATA", about)
        wheel.writestr("zenbeat-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("zenbeat-1.dist-info/RECORD", "")
    return name
"""

COMMAND = """\
import sys
import needed

def main():
    print(sys.prefix, needed.VERSION, *sys.argv[1:])
"""


def make_wheel(folder: Path, name: str, version: str) -> None:
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


class Checkout:
    """A project of one command, which prints where it runs, with what, and its arguments."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.wheels = folder / "wheels"
        self.hidden = folder / "hidden"
        for path in (self.root, self.wheels, self.hidden):
            path.mkdir()
        copytree(PACKAGE / "bootstrap", self.root / "worker" / "bootstrap")
        for name in ("__init__.py", "__main__.py"):
            (self.root / "worker" / name).write_bytes((PACKAGE / name).read_bytes())
        (self.root / "worker" / "cli.py").write_text(COMMAND)
        (self.root / "pyproject.toml").write_text(PROJECT)
        (self.root / "backend.py").write_text(BACKEND)
        self.constrain("1")
        for name, version in (("needed", "1"), ("needed", "2"), ("tested_with", "1")):
            make_wheel(self.wheels, name, version)

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    def constrain(self, version: str) -> None:
        (self.root / "constraints.txt").write_text(f"needed=={version}\n")

    def hide(self, *modules: str) -> None:
        """Make modules of the machine's Python look as if they were not there."""
        for name in modules:
            (self.hidden / name).mkdir()
            (self.hidden / name / "__init__.py").write_text(f"raise ImportError('no {name}')\n")

    def launch(self, *arguments: str, python: Path = BASE, **environment: str) -> subprocess.Popen[str]:
        """Start `python3 -m worker …` with packages from a folder, and none from a network."""
        known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.Popen(
            [python, "-m", "worker", *arguments],
            cwd=self.root,
            env={
                **known,
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(self.wheels),
                "PYTHONPATH": str(self.hidden),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, python: Path = BASE, **environment: str) -> tuple[int, str, str]:
        """Give exit code, stdout and stderr."""
        with self.launch(*arguments, python=python, **environment) as process:
            said, told = process.communicate()
            return process.returncode, said, told

    def expect(self, *arguments: str, needed: str = "1") -> str:
        """Run the command, see that it ran in .venv, and give what was told beside it."""
        code, said, told = self.run(*arguments)
        assert (code, said.split()) == (0, [str(self.venv), needed, *arguments]), told
        return told


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout in which nothing was started yet, and a pip to install with."""
    if find_spec("ensurepip") is None and not any(Path("/usr/share/python-wheels").glob("pip-*.whl")):
        pytest.skip("no pip on this machine, and tests fetch none")
    return Checkout(tmp_path)


def test_the_first_start_sets_up_and_the_second_only_starts(checkout: Checkout) -> None:
    told = checkout.expect("up", "--port", "1")
    assert "setting up" in told
    assert "ready after" in told
    for python in (BASE, checkout.venv / "bin" / "python"):
        assert checkout.run("up", python=python, PIP_FIND_LINKS="/nowhere") == (0, f"{checkout.venv} 1 up\n", "")
    found = subprocess.run([BASE, "-c", "import needed"], capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError" in found.stderr  # nothing outside of the checkout was touched


def test_tests_get_what_they_need_and_changed_constraints_are_followed(checkout: Checkout) -> None:
    checkout.expect("up")
    assert "up to date" in checkout.expect("test", "-q")
    assert checkout.expect("up") == ""
    checkout.constrain("2")
    assert "up to date" in checkout.expect("up", needed="2")
    assert checkout.expect("test", needed="2") == ""


def test_a_broken_environment_is_made_anew(checkout: Checkout, tmp_path: Path) -> None:
    def cut_short() -> None:
        (checkout.venv / "zenbeat.json").write_text(json.dumps({"place": "unfinished"}))

    def lose_python() -> None:
        python = checkout.venv / "bin" / "python"
        python.unlink()
        python.symlink_to("/nowhere/python3")

    def move() -> None:
        checkout.root = checkout.root.rename(tmp_path / "moved")

    checkout.expect("up")
    for break_it in (cut_short, lose_python, move):
        (checkout.venv / "half-written").touch()
        break_it()
        assert "setting up" in checkout.expect("up")
        assert not (checkout.venv / "half-written").exists()


def test_an_environment_made_by_hand_is_kept(checkout: Checkout) -> None:
    subprocess.run([BASE, "-m", "venv", "--without-pip", checkout.venv], check=True)
    (checkout.venv / "mine").touch()
    assert "up to date" in checkout.expect("up")
    assert (checkout.venv / "mine").exists()


def test_two_starts_at_once_set_up_once(checkout: Checkout) -> None:
    processes = [checkout.launch("up") for _ in range(3)]
    ends = [process.communicate() for process in processes]
    assert [said for said, _ in ends] == [f"{checkout.venv} 1 up\n"] * 3
    assert sum("setting up" in line for _, told in ends for line in told.splitlines() if "another" not in line) == 1


def test_a_python_without_pip_takes_the_wheel_on_the_disk(checkout: Checkout) -> None:
    checkout.hide("pip")
    checkout.expect("up")


def test_a_python_without_the_module_venv_does_without(checkout: Checkout) -> None:
    checkout.hide("venv")
    checkout.expect("up")
    assert "site-packages = false" in (checkout.venv / "pyvenv.cfg").read_text()


def test_a_failure_shows_pip_s_last_lines_and_the_way_out_and_is_repaired(checkout: Checkout) -> None:
    code, said, told = checkout.run("up", PIP_FIND_LINKS="/nowhere")
    assert (code, said) == (1, "")
    assert "'/nowhere' is ignored" in told
    assert "ERROR: " in told
    assert "PIP_INDEX_URL" in told
    assert "Traceback" not in told
    checkout.expect("up")


def test_a_place_that_cannot_be_written_is_named(checkout: Checkout) -> None:
    (checkout.root / ".zenbeat").touch()
    code, _, told = checkout.run("up")
    assert code == 1
    assert "cannot set up" in told
    assert "Traceback" not in told


def test_a_python_that_has_everything_is_used_as_it_is(checkout: Checkout, tmp_path: Path) -> None:
    subprocess.run([BASE, "-m", "venv", "--without-pip", tmp_path / "own"], check=True)
    packages = next((tmp_path / "own").glob("lib/python*/site-packages"))
    zipfile.ZipFile(checkout.wheels / "needed-1-py3-none-any.whl").extractall(packages)
    code, said, told = checkout.run("up", python=tmp_path / "own" / "bin" / "python")
    assert (code, said, told) == (0, f"{tmp_path / 'own'} 1 up\n", "")
    assert not checkout.venv.exists()


def test_an_old_python_gets_a_sentence() -> None:
    for name in ("__init__.py", "__main__.py"):
        ast.parse((PACKAGE / name).read_text(), feature_version=(3, 6))
    program = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_module('worker', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("zenbeat: this is Python 3.9, and zenbeat needs 3.11 or newer.")


# A package index

CONTENT = b"what the wheel holds"
WHEEL = Wheel(name="pip-1.0-py3-none-any.whl", sha256=hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index in a folder, as mirrors lay it out: the files beside the pages."""
    (tmp_path / "index" / "simple" / "pip").mkdir(parents=True)
    (tmp_path / "index" / "files").mkdir()
    (tmp_path / "index" / "files" / WHEEL.name).write_bytes(CONTENT)
    links = [f'<a href="../../files/{name}#sha256=0">{name}</a>' for name in ("pip-0.9-py3-none-any.whl", WHEEL.name)]
    (tmp_path / "index" / "simple" / "pip" / "index.html").write_text(f"<html>{'<br>'.join(links)}</html>")
    return tmp_path / "index"


@pytest.fixture
def pip_settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set pip's own settings, and nothing beside them."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)

    def put(**settings: str) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(f"PIP_{name.upper()}", value)

    return put


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str | None]]]:
    """Serve a folder over HTTP; gives host and port, and the Authorization header of each request."""
    seen: list[str | None] = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            super().do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: Handler(*args, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_wheel_is_fetched_from_an_index_in_a_folder(
    index: Path, tmp_path: Path, pip_settings: Callable[..., None]
) -> None:
    pip_settings(index_url=(index / "simple").as_uri())
    assert fetch(WHEEL, tmp_path).read_bytes() == CONTENT


def test_a_wheel_is_fetched_over_http_with_the_name_and_password_of_the_address(
    index: Path, tmp_path: Path, pip_settings: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with served(index) as (place, seen):
        pip_settings(index_url=f"http://me:p%40ss@{place}/simple/")
        assert fetch(WHEEL, tmp_path).read_bytes() == CONTENT
    assert seen == ["Basic bWU6cEBzcw=="] * 2
    assert f"from http://{place}/simple/" in capsys.readouterr().err


def test_pip_s_settings_file_is_read(index: Path, tmp_path: Path, pip_settings: Callable[..., None]) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text(
        f"[global]\nindex-url = {(tmp_path / 'none').as_uri()}\nextra-index-url = {index.as_uri()}/simple"
    )
    pip_settings(config_file=str(settings))
    assert fetch(WHEEL, tmp_path).read_bytes() == CONTENT


def test_a_wheel_that_is_not_the_known_one_is_refused(
    index: Path, tmp_path: Path, pip_settings: Callable[..., None]
) -> None:
    (index / "files" / WHEEL.name).write_bytes(b"something else")
    pip_settings(index_url=(index / "simple").as_uri())
    with pytest.raises(SetupError, match=r"its SHA-256 differs[^$]*apt-get install python3-pip"):
        fetch(WHEEL, tmp_path)
    assert not (tmp_path / WHEEL.name).exists()


def test_every_index_that_was_asked_is_named_without_its_password(
    index: Path, tmp_path: Path, pip_settings: Callable[..., None]
) -> None:
    with served(index) as (place, _):
        pip_settings(index_url=f"http://me:secret@{place}/missing", extra_index_url=(index / "simple").as_uri())
        with pytest.raises(SetupError) as refused:
            fetch(Wheel(name="pip-2.0-py3-none-any.whl", sha256=""), tmp_path)
    assert f"http://{place}/missing: HTTP Error 404" in str(refused.value)
    assert "it does not have pip-2.0-py3-none-any.whl" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_no_index_is_asked_where_pip_may_not(tmp_path: Path, pip_settings: Callable[..., None]) -> None:
    pip_settings(no_index="1")
    with pytest.raises(SetupError, match="PIP_NO_INDEX"):
        fetch(WHEEL, tmp_path)


def test_a_broken_settings_file_of_pip_is_named(tmp_path: Path, pip_settings: Callable[..., None]) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text("index-url = https://example.com/simple\n")
    pip_settings(config_file=str(settings))
    with pytest.raises(SetupError, match=rf"(?s)settings cannot be read.*{settings}"):
        fetch(WHEEL, tmp_path)


def test_no_settings_file_is_read_where_pip_reads_none(
    index: Path, tmp_path: Path, pip_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text(f"[global]\nindex-url = {(index / 'simple').as_uri()}\n")
    monkeypatch.setattr("worker.bootstrap.getpip.PIP_CONF", (str(settings),))
    assert fetch(WHEEL, tmp_path).read_bytes() == CONTENT
    pip_settings(config_file=os.devnull, proxy="http://127.0.0.1:9")
    with pytest.raises(SetupError, match=r"pypi\.org"):
        fetch(WHEEL, tmp_path)
