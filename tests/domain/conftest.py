import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

# A property that takes long has met a busy machine, or the first look at a time zone, and not a fault.
settings.register_profile("domain", deadline=None)
settings.load_profile("domain")


@pytest.fixture(scope="session")
def vixie() -> ModuleType:
    """The minute-by-minute model; loaded from its file, because tests are no package."""
    spec = importlib.util.spec_from_file_location("vixie_model", Path(__file__).with_name("vixie_model.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
