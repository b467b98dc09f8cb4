"""`python -m bench`: what can be measured, and the measuring."""

import argparse

from bench.burst import SYSTEMS, burst
from bench.enqueue import enqueue
from bench.idle import idle
from bench.soak import soak
from bench.sweep import sweep


def main() -> None:
    """Read the command line and measure; without a command, say what there is."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure zenbeat on this machine.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    one = commands.add_parser("burst", help="schedules due at one instant, beside what one would use instead")
    one.add_argument("--runs", type=int, default=3)
    one.add_argument("--schedules", type=int, default=1000)
    one.add_argument("--systems", default=",".join(SYSTEMS), help="comma-separated; default: %(default)s")
    two = commands.add_parser("idle", help="memory and CPU with the example schedules")
    two.add_argument("--runs", type=int, default=3)
    three = commands.add_parser("enqueue", help="from another application's send_task to the launch")
    three.add_argument("--runs", type=int, default=3)
    three.add_argument("--triggers", type=int, default=300)
    three.add_argument("--rate", type=float, default=20.0, help="triggers a second")
    four = commands.add_parser("sweep", help="launches of a large sweep through one worker")
    four.add_argument("--runs", type=int, default=3)
    four.add_argument("--trials", type=int, default=10_000)
    five = commands.add_parser("soak", help="random faults of every kind; exit 1 if a run is missing or doubled")
    five.add_argument("--seconds", type=int, default=600)
    five.add_argument("--seed", type=int, default=1)
    given = vars(parser.parse_args())
    match given.pop("command"):
        case "burst":
            systems = given.pop("systems").split(",")
            if unknown := set(systems) - SYSTEMS.keys():
                parser.error(f"no such system: {', '.join(sorted(unknown))} (there is: {', '.join(SYSTEMS)})")
            burst(systems=systems, **given)
        case "idle":
            idle(**given)
        case "enqueue":
            enqueue(**given)
        case "sweep":
            sweep(**given)
        case "soak":
            soak(**given)
        case _:
            parser.print_help()


main()
