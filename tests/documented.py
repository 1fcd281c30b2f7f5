"""The clients that the documentation has, to be run."""

import importlib.util
from pathlib import Path
from types import ModuleType

CLIENTS = Path(__file__).parents[1] / "docs" / "clients"


def python_client() -> ModuleType:
    """``docs/clients/watch.py``."""
    specification = importlib.util.spec_from_file_location("documented_watch", CLIENTS / "watch.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
