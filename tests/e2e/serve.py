"""Serves ZenML on a loopback port until standard input closes, so that it dies with whoever started it."""

import os
import sys
import threading

import uvicorn


def die_with_parent() -> None:
    """Wait for the end of standard input, which comes even when the parent is killed, and leave without ceremony."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=die_with_parent, daemon=True).start()
    uvicorn.run("zenml.zen_server.zen_server_api:app", host="127.0.0.1", port=int(sys.argv[1]), log_level="info")
