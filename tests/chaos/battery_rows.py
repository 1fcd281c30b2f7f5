"""Every promise that has a battery of its own, played on a second system whose schedules are not scaled down."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.settings import LocalSettings, load_settings
from deploy.local.system import LocalSystem
from tests.chaos.batteries import (
    broker_away,
    database_killed,
    one_key,
    purged_answers,
    refund_storm,
    same_key,
    timed_out,
)
from tests.chaos.report import Row
from tests.e2e.journey import System


@dataclass(frozen=True, slots=True)
class Battery:
    """``full``: how many rounds; a smoke run has no time for them, and the end-to-end tests play a few of each."""

    name: str
    run: Callable[..., Row]
    full: int


BATTERIES: tuple[Battery, ...] = (
    Battery(one_key.NAME, one_key.run, 200),
    Battery(same_key.NAME, same_key.run, 50),
    Battery(refund_storm.NAME, refund_storm.run, 100),
    Battery(timed_out.NAME, timed_out.run, 100),
    Battery(purged_answers.NAME, purged_answers.run, 100),
    Battery(database_killed.NAME, database_killed.run, 10),
    Battery(broker_away.NAME, broker_away.run, 1),
)


def play(batteries: Sequence[Battery], seed: int) -> Iterator[Row]:
    """Play these, one after another, on one system."""
    if not batteries:
        return
    with _system() as system:
        for battery in batteries:
            yield battery.run(system, rounds=battery.full, seed=seed)


@contextmanager
def _system() -> Iterator[System]:
    with tempfile.TemporaryDirectory(prefix="prove-", ignore_cleanup_errors=True) as folder:
        chosen = load_settings(state_dir=Path(folder))
        local = LocalSystem(
            settings=LocalSettings(
                state_dir=chosen.state_dir,
                forced_kind="native",  # one of the batteries stops a server in the middle of a write
                inherited=chosen.inherited,
                providers=("cpay",),
            )
        )
        try:
            local.up()
            with closing(System(local)) as system:
                yield system
        finally:
            local.clean()
