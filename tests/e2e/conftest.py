"""Real ZenML servers for the tests of this folder, and a view of them through their own API.

Where several versions are tried, it is the newest and the oldest, the first with run templates. E2E_VERSIONS names
those wanted besides, separated by blanks, or `all`: each is another environment of 280 MB.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from worker.zenml.client import ZenML
from worker.zenml.options import ZenMLOptions

from .api import FINISHED, ZenMLAPI
from .environment import OLDEST, REQUIREMENTS, VERSION
from .seeded import seeded_server
from .server import ZenMLServer

HERE = Path(__file__).parent
# The first test of a fresh checkout installs the server and seeds it.
_PATIENCE = 1800

_WANTED = os.environ.get("E2E_VERSIONS", "").split()
VERSIONS = list(REQUIREMENTS) if _WANTED == ["all"] else list(dict.fromkeys([VERSION, OLDEST, *_WANTED]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder as end-to-end, and be patient with it, unless a test says otherwise itself."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(_PATIENCE))


@pytest.fixture(scope="session")
def zenml_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZenMLServer]:
    """A running, seeded server, shared by the tests; one that deletes things or kills it makes one of its own."""
    server = seeded_server(tmp_path_factory.mktemp("zenml"))
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZenMLServer]:
    """A running, seeded server of each version, shared by the tests of a file."""
    made = seeded_server(tmp_path_factory.mktemp("zenml"), request.param)
    made.start()
    yield made
    made.close()


@pytest.fixture
def make_zenml_server(tmp_path: Path) -> Iterator[Callable[..., ZenMLServer]]:
    """Make running, seeded servers of a test's own; keyword arguments are environment variables of the server."""
    made: list[ZenMLServer] = []

    def make(**env: str) -> ZenMLServer:
        server = seeded_server(tmp_path / f"zenml-{len(made)}", **env)
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., ZenMLAPI]]:
    """Log in to a server, with its own API key or the one given, to look at it through its own API."""
    made: list[ZenMLAPI] = []

    def make(server: ZenMLServer, api_key: str = "") -> ZenMLAPI:
        api = ZenMLAPI(server.url, api_key or server.api_key)
        made.append(api)
        api.login()
        return api

    yield make
    for api in made:
        api.close()


@pytest.fixture
def zenml_api(zenml_server: ZenMLServer, connect: Callable[..., ZenMLAPI]) -> ZenMLAPI:
    """The API of the shared server."""
    return connect(zenml_server)


@pytest.fixture
def ask() -> Callable[..., Any]:
    """Play a scene with zenbeat's own client of a server, and give its result."""

    def play(server: ZenMLServer, scene: Callable[[ZenML], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            async with aclosing(ZenML(ZenMLOptions(url=server.url, api_key=server.api_key))) as zenml:
                return await scene(zenml)

        return asyncio.run(main())

    return play


@pytest.fixture
def finished(eventually: Callable[..., None]) -> Callable[..., str]:
    """Wait until a run is finished, and give its last status."""

    def wait(api: ZenMLAPI, run_id: str, seconds: float = 60.0) -> str:
        eventually(lambda: api.status(run_id) in FINISHED, seconds, f"run {run_id} finished")
        return api.status(run_id)

    return wait
