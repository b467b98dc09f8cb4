"""The folder .venv of a checkout: made once, then known to be complete by the mark that is left in it."""

import contextlib
import fcntl
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.bootstrap.getpip import BASE, find_pip
from worker.bootstrap.words import SetupError, say

ENOUGH = {"up": ("up", "dev"), "dev": ("dev",)}
"""What has to be installed for an extra; `dev` has all of `up`."""

UNFINISHED = "unfinished"
LAST_LINES = 20

WAY_OUT = """\
Often the network is the reason: behind a mirror or a proxy, set PIP_INDEX_URL, PIP_PROXY or PIP_CERT (or pip.conf).
Then start again; it begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The folder .venv of a checkout: a Python of its own, with all that zenbeat needs."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def fresh(self, extra: str) -> bool:
        """Tell whether it is complete, and made of what pyproject.toml and constraints.txt say now."""
        mark = self._mark()
        return (
            self._usable()
            and mark.get("place") == self._place()
            and mark.get("wanted") == self._wanted()
            and mark.get("extra") in ENOUGH[extra]
        )

    def prepare(self, extra: str) -> None:
        """Make it, or bring it up to date. Raises SetupError. A second start at the same time waits for the first."""
        with self._locked() as lock:
            if self.fresh(extra):
                return
            began = time.monotonic()
            extra = "dev" if self._mark().get("extra") == "dev" else extra
            if self._usable() and self._mark().get("place", self._place()) == self._place():
                say(f"bringing {self.folder} up to date")
            else:
                say(f"setting up {self.folder} with Python {sys.version.split()[0]}; once, about a minute")
                self._make()
            self._write_mark({"place": UNFINISHED})
            self._install(extra, lock)
            self._write_mark({"place": self._place(), "wanted": self._wanted(), "extra": extra})
            say(f"ready after {time.monotonic() - began:.0f} s")

    def _usable(self) -> bool:
        return os.access(self.python, os.X_OK) and self._packages().is_dir()

    def _packages(self) -> Path:
        return self.folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"

    def _place(self) -> str:
        """Give what an environment cannot be moved to another of: scripts and binary packages are bound to it."""
        return f"{sys.implementation.cache_tag} {sysconfig.get_platform()} {self.folder}"

    def _wanted(self) -> str:
        found = hashlib.sha256()
        for name in ("pyproject.toml", "constraints.txt"):
            path = self.root / name
            found.update(hashlib.sha256(path.read_bytes() if path.exists() else b"").digest())
        return found.hexdigest()

    def _mark(self) -> Mapping[str, str]:
        """Read what the last setup left: nothing if there was none, `unfinished` if it was cut short."""
        path = self.folder / "zenbeat.json"
        if not path.exists():
            return {}
        try:
            mark: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            return {"place": UNFINISHED}
        return mark

    def _write_mark(self, mark: Mapping[str, str]) -> None:
        (self.folder / "zenbeat.json").write_text(json.dumps(mark) + "\n", encoding="utf-8")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold the lock of all setups of this checkout; gives its file descriptor."""
        path = self.root / ".zenbeat" / "setup.lock"
        path.parent.mkdir(exist_ok=True)
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another start is setting up; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock.fileno()

    def _make(self) -> None:
        if not self.folder.is_dir():
            self.folder.unlink(missing_ok=True)
        try:
            venv = importlib.import_module("venv")
        except ImportError:  # some systems cut it out of the standard library
            self._make_by_hand()
        else:
            venv.EnvBuilder(clear=True, with_pip=False, symlinks=True).create(self.folder)

    def _make_by_hand(self) -> None:
        """Do what the module venv does on a Unix, and no more (PEP 405)."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._packages().mkdir(parents=True)
        if sys.platlibdir != "lib":
            (self.folder / sys.platlibdir).symlink_to("lib")
        self.python.parent.mkdir()
        self.python.symlink_to(BASE)
        settings = f"home = {BASE.parent}\ninclude-system-site-packages = false\n"
        (self.folder / "pyvenv.cfg").write_text(settings, encoding="utf-8")

    def _install(self, extra: str, lock: int) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            command = [*find_pip(self.python, Path(scratch)), "install", "--quiet", "--no-input"]
            command += ["--disable-pip-version-check", "--editable", f".[{extra}]"]
            if (self.root / "constraints.txt").exists():
                command += ["--constraint", "constraints.txt"]
            done = subprocess.run(  # noqa: S603 - pip, and words of ours
                command,
                cwd=self.root,
                env={**os.environ, "PIP_USER": "0"},  # noqa: TID251 - handed on; no settings exist yet
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
                pass_fds=[lock],  # if we are killed, the next start waits until pip has let go of .venv
            )
        if done.returncode:
            said = [line for line in done.stdout.strip().splitlines() if "WARNING: Retrying" not in line]
            told = "\n".join(f"  {line}" for line in said[-LAST_LINES:])
            raise SetupError(f"pip could not install into {self.folder}. Its last lines:\n{told}\n{WAY_OUT}")
