"""The stage that every contract test plays on: one for each provider found. What it does not offer is skipped."""

from collections.abc import Iterator

import pytest

from shared.provider_kit.provider import GivesStatements, SendsPayouts, TakesCancellations, TakesCaptures
from shared.provider_kit.registry import discover_providers
from tests.contract.providers.captures import Captures
from tests.contract.providers.payouts import Payouts
from tests.contract.providers.stage import Stage, on_stage


@pytest.fixture(scope="session", params=sorted(discover_providers()))
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    name: str = request.param
    with on_stage(discover_providers()[name], tmp_path_factory.mktemp(name)) as one:
        yield one


@pytest.fixture
def captures(stage: Stage) -> Captures:
    if not isinstance(stage.adapter, TakesCaptures):
        pytest.skip(f"{stage.plugin.name} takes no captures")
    return Captures(stage)


@pytest.fixture
def cancelling(stage: Stage) -> Stage:
    if not isinstance(stage.adapter, TakesCancellations):
        pytest.skip(f"{stage.plugin.name} takes no cancellations")
    return stage


@pytest.fixture
def payouts(stage: Stage) -> Payouts:
    if not isinstance(stage.adapter, SendsPayouts):
        pytest.skip(f"{stage.plugin.name} sends no payouts")
    return Payouts(stage)


@pytest.fixture
def with_statement(stage: Stage) -> Stage:
    if not isinstance(stage.adapter, GivesStatements):
        pytest.skip(f"{stage.plugin.name} gives no statements")
    return stage
