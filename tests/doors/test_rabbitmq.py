"""What is different with RabbitMQ, where a worker may wait for long without a word from its broker."""

import signal

from .conftest import Door


def test_a_worker_that_has_nothing_to_do_ends_as_soon_as_it_is_told(over_rabbitmq: Door) -> None:
    (worker,) = over_rabbitmq.stack.processes
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(5) == 0
    assert not over_rabbitmq.stack.ready("worker")
