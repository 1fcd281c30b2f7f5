"""What all tests share: the real servers, and the summary of what ran against what."""

from collections.abc import Iterator

import pytest

from tests.servers import Servers, running_servers

_USED = pytest.StashKey[dict[str, str]]()


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL, Redis and RabbitMQ for this run."""
    with running_servers(tmp_path_factory.mktemp("servers")) as found:
        remember(request.config, {f"integration: {name}": tier for name, tier in found.tiers.items()})
        yield found


def remember(config: pytest.Config, used: dict[str, str]) -> None:
    config.stash.setdefault(_USED, {}).update(used)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which tier ran against what."""
    terminalreporter.section("tiers")
    terminalreporter.write_line("unit, contract, architecture: no servers, loopback only")
    for what, tier in sorted(config.stash.get(_USED, {}).items()):
        terminalreporter.write_line(f"{what}: {tier}")
