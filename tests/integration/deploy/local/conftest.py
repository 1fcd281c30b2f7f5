"""A whole private system with stand-ins for our processes, and small ones beside it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.processes import ProcessSpec
from deploy.local.settings import LocalSettings, load_settings
from deploy.local.system import LocalSystem

STAND_IN = str(Path(__file__).with_name("stand_in.py"))
PREPARE = ProcessSpec("prepare", (STAND_IN, "prepares"), None, {"SEED_API_KEY_ID": "{api_key_id}"})
READY = ProcessSpec("api", (STAND_IN, "ready"), "API", {"API_WORKERS": "2"})
ALSO_READY = ProcessSpec("notifier", (STAND_IN, "ready"), "NOTIFIER")
FAILING = ProcessSpec("outbox-relay", (STAND_IN, "fails"))

MakeSystem = Callable[..., LocalSystem]


def settings_for(state_dir: Path, **variables: str) -> LocalSettings:
    """Settings of a system of our own, whatever the caller's environment says about servers."""
    return load_settings({"PATH": os.environ["PATH"], "GATEWAY_SERVERS": "native", **variables}, state_dir)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "local"


@pytest.fixture(scope="module")
def whole_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    """A system with all three servers and two stand-ins, up."""
    state_dir = tmp_path_factory.mktemp("system") / "local"
    system = LocalSystem(
        settings=settings_for(state_dir, RETRY_DELAYS_MS="1000,2000", JWT_SECRET_KEY="leaked", LANG="C.UTF-8"),
        processes=[READY, ALSO_READY],
        prepare=PREPARE,
    )
    try:
        system.up()
        yield system
    finally:
        system.clean()


@pytest.fixture
def make_system(whole_system: LocalSystem, state_dir: Path) -> Iterator[MakeSystem]:
    """Makes a system with its own processes on the servers of the whole one."""
    given = {name: whole_system.environment()[name] for name in ("DATABASE_URL", "REDIS_URL", "AMQP_URL")}
    made: list[LocalSystem] = []

    def make(*processes: ProcessSpec, **variables: str) -> LocalSystem:
        settings = settings_for(state_dir, **given, **variables)
        made.append(LocalSystem(settings=settings, processes=processes, prepare=PREPARE))
        return made[-1]

    yield make
    for system in made:
        system.clean()
