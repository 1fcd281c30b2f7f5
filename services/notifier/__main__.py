"""Runs the notifier: ``python -m services.notifier``. Any number may run; what a client has seen is its own to say."""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor

import structlog

from services.notifier.bootstrap import Notifier, build_notifier
from services.notifier.settings import NotifierSettings
from shared.runtime import crash_points
from shared.runtime.logs import configure_logging
from shared.runtime.settings import load_settings

log = structlog.get_logger()


def main() -> None:
    settings = load_settings(NotifierSettings)
    configure_logging("notifier", settings.log_level)
    crash_points.arm(settings.crash_at)
    asyncio.run(_run(settings, build_notifier(settings)))


async def _run(settings: NotifierSettings, notifier: Notifier) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    loop.set_default_executor(ThreadPoolExecutor(settings.notifier_readers, thread_name_prefix="reader"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    feed = asyncio.create_task(notifier.feed.run())
    await notifier.server.start()
    notifier.health.start()
    log.info("notifier.started", port=settings.notifier_port)
    await stopping.wait()
    notifier.health.drain()
    await notifier.server.stop()
    feed.cancel()
    notifier.health.stop()
    log.info("notifier.stopped")


if __name__ == "__main__":
    main()
