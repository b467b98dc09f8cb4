"""The package `optuna`: an extra, imported with the first study, and quiet."""

import warnings
from importlib import import_module
from typing import Any


def imported(name: str) -> Any:
    """Import a module, or give None if it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


def optuna() -> Any:
    """Give the module, or None if it is not installed."""
    module = imported("optuna")
    if module is not None:
        module.logging.disable_default_handler()
        module.logging.set_verbosity(module.logging.ERROR)
        # That a part is experimental is for us to weigh, who pin the version; not for who runs a sweep.
        warnings.filterwarnings("ignore", category=module.exceptions.ExperimentalWarning)
    return module
