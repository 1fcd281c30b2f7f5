"""Runs one half of the scheduler: ``python -m services.scheduler beat`` or ``… worker`` (any number of each)."""

import logging
from typing import TypeVar

import click
import structlog

from services.scheduler.bootstrap import build_beat, build_worker
from services.scheduler.settings import SchedulerSettings, SchedulerWorkerSettings
from services.scheduler.turn import await_turn, start_again, watch
from shared.runtime import crash_points
from shared.runtime.lifecycle import stop_event
from shared.runtime.logs import configure_logging
from shared.runtime.settings import load_settings

log = structlog.get_logger()

SettingsT = TypeVar("SettingsT", bound=SchedulerSettings)


@click.group()
def main() -> None:
    """What happens by the clock."""


@main.command()
def beat() -> None:
    """Tell the time: send each task when it is due. Several may run: all but one stand by."""
    settings = _prepared("scheduler_beat", SchedulerSettings)
    app, lock, health = build_beat(settings)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    health.start()
    if not await_turn(lock, stop_event()):
        return
    watch(lock, on_lost=start_again)
    app.Beat(loglevel=settings.log_level, quiet=True, redirect_stdouts=False).run()


@main.command()
def worker() -> None:
    """Do what is due. Threads, not processes: tasks wait for the database or a provider.

    More threads than tasks that may take long, so that recovery always finds one free.
    """
    settings = _prepared("scheduler_worker", SchedulerWorkerSettings)
    app, health = build_worker(settings)
    health.start()
    app.Worker(
        pool="threads",
        concurrency=4,
        without_gossip=True,
        without_mingle=True,
        loglevel=settings.log_level,
        quiet=True,
        redirect_stdouts=False,
    ).start()


def _prepared(service: str, settings_class: type[SettingsT]) -> SettingsT:
    settings = load_settings(settings_class)
    configure_logging(service, settings.log_level)
    crash_points.arm(settings.crash_at)
    # Celery warns of what it does not like; that is one JSON line too.
    logging.captureWarnings(capture=True)
    log.info("scheduler.started", part=service)
    return settings


if __name__ == "__main__":
    main()
