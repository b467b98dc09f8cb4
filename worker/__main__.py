"""Run `python3 -m worker`."""

from worker.cli import main

main()
