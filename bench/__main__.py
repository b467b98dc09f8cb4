"""`python -m bench`: what can be measured, and the measuring."""

import argparse
from collections.abc import Callable, Collection

from bench.api import api
from bench.burst import SYSTEMS, burst
from bench.capacity import capacity
from bench.dashboard import dashboard
from bench.doors import DOORS
from bench.enqueue import enqueue
from bench.following import following
from bench.idle import idle
from bench.memory import memory
from bench.screens import screens
from bench.soak import soak
from bench.sweep import SYSTEMS as SWEEPERS
from bench.sweep import sweep
from bench.takeover import takeover


def _some_of(systems: Collection[str]) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - set(systems):
            raise argparse.ArgumentTypeError(
                f"no such system: {', '.join(sorted(unknown))} (there is: {', '.join(systems)})"
            )
        return names

    return read


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure zenbeat on this machine.")
    commands = parser.add_subparsers(metavar="COMMAND")

    def command(measure: Callable[..., None], what: str) -> argparse.ArgumentParser:
        added = commands.add_parser(measure.__name__, help=what)
        added.set_defaults(measure=measure)
        return added

    one = command(burst, "schedules due at one instant, beside what one would use instead")
    one.add_argument("--runs", type=int, default=3)
    one.add_argument("--schedules", type=int, default=1000)
    one.add_argument("--systems", type=_some_of(SYSTEMS), default=list(SYSTEMS), help=f"of {','.join(SYSTEMS)}")
    one.add_argument("--before", metavar="REVISION", help="also an earlier zenbeat, checked out beside this one")
    command(idle, "memory and CPU with the example schedules").add_argument("--runs", type=int, default=3)
    one = command(enqueue, "from another application's send_task to the launch")
    one.add_argument("--runs", type=int, default=3)
    one.add_argument("--triggers", type=int, default=300)
    one.add_argument("--rate", type=float, default=20.0, help="triggers a second")
    one = command(api, "the HTTP API under load, and killed, beside FastAPI with send_task")
    one.add_argument("--runs", type=int, default=3)
    one.add_argument("--calls", type=int, default=3000)
    one.add_argument("--connections", type=int, default=32)
    one.add_argument("--batches", type=int, default=10, help="POSTs of 1,000 triggers each")
    one.add_argument("--systems", type=_some_of(DOORS), default=list(DOORS), help=f"of {','.join(DOORS)}")
    _of_the_dashboard(command)
    one = command(sweep, "launches of a large sweep through one worker, beside what one would write instead")
    one.add_argument("--runs", type=int, default=3)
    one.add_argument("--trials", type=int, default=10_000)
    one.add_argument("--systems", type=_some_of(SWEEPERS), default=list(SWEEPERS), help=f"of {','.join(SWEEPERS)}")
    one = command(soak, "random faults of every kind; exit 1 if a run is missing or doubled")
    one.add_argument("--seconds", type=int, default=600)
    one.add_argument("--seed", type=int, default=1)
    one = command(capacity, "a server that takes two launches at once, beside a client that knows it")
    one.add_argument("--runs", type=int, default=3)
    one.add_argument("--triggers", type=int, default=500)
    one.add_argument("--real", action="store_true", help="against ZenML itself, installed from PyPI")
    one = command(following, "what following runs to their ends costs the server, and how soon an end is known")
    one.add_argument("--counts", type=int, nargs="+", default=[100, 10_000], metavar="RUNS")
    one.add_argument("--seconds", type=int, default=60)
    one.add_argument("--real", action="store_true", help="against ZenML itself, installed from PyPI")
    one = command(takeover, "from the end of the leading beat to another one's lead")
    one.add_argument("--runs", type=int, default=10)
    one = command(memory, "of beat and worker over many triggers")
    one.add_argument("--triggers", type=int, default=20_000)
    return parser


def _of_the_dashboard(command: Callable[..., argparse.ArgumentParser]) -> None:
    one = command(dashboard, "how soon a page of the dashboard is there, how large it is, and many who look at it")
    one.add_argument("--runs", type=int, default=5)
    one.add_argument("--schedules", type=int, default=1000)
    one.add_argument("--outcomes", type=int, default=100_000)
    one.add_argument("--viewers", type=int, default=50)
    one.add_argument("--rate", type=int, default=200, help="outcomes a second while they look")
    one.add_argument("--seconds", type=int, default=20, help="for which they come")
    one = command(screens, "pictures of each page of a dashboard that runs")
    one.add_argument("--url", default="http://127.0.0.1:8420")
    one.add_argument("--to", default="docs/pictures", metavar="FOLDER")
    one.add_argument("--pages", nargs="*", default=[], metavar="PAGE", help="such as now, schedules, sweep")


def main() -> None:
    """Read the command line and measure; without a command, say what there is."""
    parser = _parser()
    given = vars(parser.parse_args())
    if "measure" in given:
        given.pop("measure")(**given)
    else:
        parser.print_help()


main()
