"""A whole private system, started once for all journeys: every process, every server, real sockets."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from deploy.local.settings import LocalSettings, load_settings
from deploy.local.system import LocalSystem
from tests.conftest import remember
from tests.e2e.journey import System

# The schedules, scaled down: minutes become seconds.
TUNING = {
    "RETRY_DELAYS_MS": "500,1000,2000,4000,8000",
    "STATUS_CHECK_SECONDS": "1,2,3,4,5",
    "RECOVERY_SECONDS": "0.5",
    "LEASE_SECONDS": "6",
    "READ_SECONDS": "2",
    "WORKER_THREADS": "4",
    # Every failure there is, all at once: an open breaker would hold up the journeys beside them.
    "BREAKER_FAILURES": "1000000",
    "SIMULATOR_DELAY_MS": "200",
    "SIMULATOR_TIME_SCALE": "50",
    # The merchants' servers of the journeys.
    "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8",
}


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Up before the first journey, gone after the last."""
    chosen = load_settings(state_dir=tmp_path_factory.mktemp("system"))
    settings = LocalSettings(
        state_dir=chosen.state_dir,
        forced_kind=chosen.forced_kind,
        inherited=chosen.inherited,
        docker=chosen.docker,
        tuning=TUNING,
    )
    local = LocalSystem(settings=settings)
    try:
        local.up()
        remember(request.config, {"e2e": f"a whole private system, servers {_kinds(local)}"})
        with closing(System(local)) as whole:
            yield whole
    finally:
        local.clean()


def _kinds(local: LocalSystem) -> str:
    return ", ".join(
        f"{name} {'native' if local.pid(name) else 'docker'}" for name in ("postgres", "redis", "rabbitmq")
    )
