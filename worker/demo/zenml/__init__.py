"""A demo ZenML server: an honest small one for a first look, and the one that tests on the wire talk to."""

from worker.demo.zenml.app import demo_app
from worker.demo.zenml.faults import Fault, Faults, Kind, WrongFault
from worker.demo.zenml.options import DEMO_API_KEY, DemoOptions
from worker.demo.zenml.server import DemoServer, run_demo
from worker.demo.zenml.state import DemoState

__all__ = [
    "DEMO_API_KEY",
    "DemoOptions",
    "DemoServer",
    "DemoState",
    "Fault",
    "Faults",
    "Kind",
    "WrongFault",
    "demo_app",
    "run_demo",
]
