"""Makes building the application cheap enough to do it for every test."""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points

import pytest


@pytest.fixture(scope="session", autouse=True)
def remembered_plugins() -> Iterator[None]:
    """The OpenAPI library looks through all installed packages for its plugins, each time that it is built."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flask_openapi.openapi.entry_points", cache(entry_points))
        yield
