"""The stage that every contract test plays on: one for each discovered provider."""

from collections.abc import Iterator

import pytest

from shared.provider_kit.registry import discover_providers
from tests.contract.providers.stage import Stage, on_stage


@pytest.fixture(scope="session", params=sorted(discover_providers()))
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    name: str = request.param
    with on_stage(discover_providers()[name], tmp_path_factory.mktemp(name)) as one:
        yield one
