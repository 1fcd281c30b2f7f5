"""Runs a worker for one provider: ``PROVIDER=cpay python -m services.provider_worker``."""

import sys

import structlog

from services.provider_worker.bootstrap import build_worker
from services.provider_worker.settings import WorkerSettings
from shared.domain.errors import Misconfigured
from shared.messaging.consuming import ConsumingProcess
from shared.runtime import crash_points
from shared.runtime.crypto import CredentialUnreadable
from shared.runtime.lifecycle import stop_event
from shared.runtime.logs import configure_logging
from shared.runtime.settings import load_settings

log = structlog.get_logger()


def main() -> int:
    settings = load_settings(WorkerSettings)
    configure_logging("provider_worker", settings.log_level)
    crash_points.arm(settings.crash_at)
    stopping = stop_event()
    try:
        worker = build_worker(settings)
    except (Misconfigured, CredentialUnreadable) as error:
        sys.stderr.write(f"{error}\n")
        return 78
    log.info("worker.starts", provider=settings.provider, threads=settings.worker_threads)
    process = ConsumingProcess(worker.consumers, worker.publisher, worker.health, settings.shutdown_seconds)
    process.run(stopping.wait)
    log.info("worker.stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
