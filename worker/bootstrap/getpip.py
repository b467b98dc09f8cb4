"""Find a pip for an interpreter that has none: the one of the machine, a wheel on the disk, or one from an index."""

import configparser
import hashlib
import importlib.util
import os
import re
import ssl
import subprocess
import sys
import sysconfig
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit
from urllib.request import BaseHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from worker.bootstrap.words import SetupError, say

BASE = Path(sys._base_executable)  # type: ignore[attr-defined]
"""The interpreter behind a virtual environment, as the module venv knows it; outside of one, this interpreter."""

OLDEST = (22, 3)
"""The first pip that can install into another interpreter (`--python`)."""

TIMEOUT = 30.0

PIP_CONF = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")
"""Where pip looks for its own settings; a later file wins."""

NO_PIP = """\
this machine has no pip, and it could not be fetched:
{reasons}
Do one of these, and start again:
  install it: apt-get install python3-pip | dnf install python3-pip | apk add py3-pip
  name the mirror or proxy that you use: PIP_INDEX_URL, PIP_PROXY, PIP_CERT (or pip.conf)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A file on a package index, known by its hash."""

    name: str
    sha256: str


PIP = Wheel(
    name="pip-26.2.1-py3-none-any.whl",
    sha256="71138adf1f4ca900cdb7d289c21b7494329f2332b6d85f0e1c42108c0384ed3e",
)
"""The pip that is fetched where there is none. The hash stands here, so that it does not matter who hands it out."""


def find_pip(python: Path, scratch: Path) -> Sequence[str]:
    """Give the command that is pip for `python`; a fetched one is put into `scratch`. Raises SetupError."""
    for interpreter in dict.fromkeys((sys.executable, str(BASE))):
        if _version(interpreter) >= OLDEST:
            return [interpreter, "-m", "pip", "--python", str(python)]
    # A wheel of pip can be run as it is.
    wheel = next(_wheels(), None) or fetch(PIP, scratch)
    return [str(python), f"{wheel}/pip"]


def _version(interpreter: str) -> tuple[int, ...]:
    """Read `pip 23.0.1 from …`; () if there is no pip."""
    asked = subprocess.run(  # noqa: S603 - this interpreter
        [interpreter, "-m", "pip", "--version"], capture_output=True, text=True, check=False
    )
    found = re.match(r"pip (\d+)\.(\d+)", asked.stdout)
    return tuple(map(int, found.groups())) if found and asked.returncode == 0 else ()


def _wheels() -> Iterator[Path]:
    """Look where Pythons and Linux distributions keep the wheel that ensurepip installs."""
    folders = [Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/usr/share/python-wheels")]
    ensurepip = importlib.util.find_spec("ensurepip")
    if ensurepip is not None and ensurepip.origin:
        folders.insert(0, Path(ensurepip.origin).parent / "_bundled")
    for folder in folders:
        yield from folder.glob("pip-*.whl")


def fetch(wheel: Wheel, folder: Path) -> Path:
    """Fetch a wheel from the first index that has it, and check it. Raises SetupError."""
    reasons = []
    for index in _indexes():
        say(f"no pip on this machine; fetching {wheel.name} from {_bare(index)}")
        try:
            content = _fetch(wheel, index)
        except (OSError, HTTPException, ValueError) as error:
            reasons.append(f"  {_bare(index)}: {error}")
            continue
        path = folder / wheel.name
        path.write_bytes(content)
        return path
    raise SetupError(NO_PIP.format(reasons="\n".join(reasons) or "  PIP_NO_INDEX (or pip.conf) forbids it"))


def _fetch(wheel: Wheel, index: str) -> bytes:
    page = urljoin(index.rstrip("/") + "/", "pip/")
    if page.startswith("file:"):
        page += "index.html"
    for link in re.findall(r"""href\s*=\s*["']([^"']+)["']""", _read(page).decode(errors="replace")):
        address = urldefrag(urljoin(page, unescape(link))).url
        if unquote(urlsplit(address).path).rpartition("/")[2] == wheel.name:
            content = _read(address)
            if hashlib.sha256(content).hexdigest() != wheel.sha256:
                raise ValueError(f"{wheel.name} is not the file it should be: its SHA-256 differs")
            return content
    raise ValueError(f"it does not have {wheel.name}")


def _read(url: str) -> bytes:
    request = _request(url)
    try:
        return _get(request, ssl.create_default_context(cafile=_option("cert") or None))
    except URLError as error:
        if not isinstance(error.reason, ssl.SSLCertVerificationError) or request.has_header("Authorization"):
            raise
    # A bare machine has no CA certificates. What we fetch is checked against a hash of ours, and no secret is sent.
    return _get(request, ssl._create_unverified_context())  # noqa: S323


def _get(request: Request, context: ssl.SSLContext) -> bytes:
    openers: list[BaseHandler] = [HTTPSHandler(context=context)]
    if proxy := _option("proxy"):
        openers.append(ProxyHandler({"http": proxy, "https": proxy}))
    with build_opener(*openers).open(request, timeout=TIMEOUT) as answer:
        content: bytes = answer.read()
        return content


def _request(url: str) -> Request:
    """Ask for HTML, the form that every index has (PEP 503); a name and password in the address become a header."""
    parts = urlsplit(url)
    request = Request(_bare(url), headers={"Accept": "text/html, */*;q=0.1"})  # noqa: S310 - pip's own setting
    if parts.username:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_unredirected_header("Authorization", f"Basic {b64encode(secret.encode()).decode()}")
    return request


def _bare(url: str) -> str:
    """Leave name and password out of an address."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _indexes() -> Sequence[str]:
    if _option("no-index").lower() in ("1", "true", "yes", "on"):
        return ()
    return [_option("index-url") or "https://pypi.org/simple/", *_option("extra-index-url").split()]


def _option(name: str) -> str:
    """Read one of pip's settings as pip does: from the environment, else from pip.conf; "" without one."""
    found = os.environ.get("PIP_" + name.upper().replace("-", "_"))  # noqa: TID251 - no settings exist yet
    if found is not None:
        return found
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(_files(), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise SetupError(f"pip's own settings cannot be read: {error}") from error
    return parser.get("install", name, fallback=parser.get("global", name, fallback=""))


def _files() -> Sequence[str]:
    named = os.environ.get("PIP_CONFIG_FILE", "")  # noqa: TID251 - no settings exist yet, and this is pip's
    if named == os.devnull:  # pip's word for "no file at all"
        return ()
    return [*(str(Path(path).expanduser()) for path in PIP_CONF), named]
