"""Node: celery-node, and plain clients of Redis and RabbitMQ that write the documented form."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from worker.domain.trigger import Origin, trigger_id

from .conftest import Door
from .document import REDIS, block
from .places import node_folder, program, run

KNOWN = trigger_id(Origin.CELERY, "upload-4711")

LASTING = """
import celery from "celery-node";
const client = celery.createClient(process.argv[1], process.argv[1], "zenbeat");
client.sendTask("worker.trigger", [], { pipeline: "training", idempotency_key: "upload-4711" });
process.stdin.resume();
process.stdin.on("end", () => client.disconnect());
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Run a script as a module beside the packages of Node."""
    folder = node_folder()
    made: list[Path] = []

    def ran(text: str) -> None:
        path = folder / f"{tmp_path.name}-{len(made)}.mjs"
        made.append(path)
        path.write_text(text)
        run([program("node"), str(path)])

    yield ran
    for path in made:
        path.unlink()


def arrived(door: Door, eventually: Callable[..., None]) -> None:
    eventually(lambda: door.stack.outcomes("started"), what="a run")
    (started,) = door.stack.outcomes()
    assert started["trigger"] == KNOWN
    assert door.stack.redis.xlen("zenbeat:unreadable") == 0


def test_celery_node_is_understood(script: Callable[[str], None], door: Door, eventually: Callable[..., None]) -> None:
    script(block("Celery from Node", "js", {REDIS: door.broker}))
    arrived(door, eventually)
    (posted,) = door.stack.demo.state.runs.values()
    assert posted.configuration["steps"] == {"model_trainer": {"parameters": {"model_type": "rf"}}}


def test_so_is_its_send_task_in_a_program_that_goes_on(door: Door, eventually: Callable[..., None]) -> None:
    command = [program("node"), "--input-type=module", "-e", LASTING, "--", door.broker]
    with subprocess.Popen(command, cwd=node_folder(), stdin=subprocess.PIPE) as node:
        try:
            arrived(door, eventually)
        finally:
            node.kill()


def test_a_plain_client_of_redis_is_understood(
    script: Callable[[str], None], over_redis: Door, eventually: Callable[..., None]
) -> None:
    script(block("Over Redis", "js", over_redis.addresses))
    arrived(over_redis, eventually)


def test_a_plain_client_of_rabbitmq_is_understood(
    script: Callable[[str], None], over_rabbitmq: Door, eventually: Callable[..., None]
) -> None:
    script(block("Over AMQP", "js", over_rabbitmq.addresses))
    arrived(over_rabbitmq, eventually)
