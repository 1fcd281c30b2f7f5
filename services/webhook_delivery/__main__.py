"""Runs the delivery of webhooks: ``python -m services.webhook_delivery``. Several may run at once."""

import sys

import structlog

from services.webhook_delivery.bootstrap import build_delivery
from services.webhook_delivery.settings import DeliverySettings
from shared.messaging.consuming import ConsumingProcess
from shared.runtime import crash_points
from shared.runtime.crypto import CredentialUnreadable
from shared.runtime.lifecycle import stop_event
from shared.runtime.logs import configure_logging
from shared.runtime.settings import load_settings

log = structlog.get_logger()


def main() -> int:
    settings = load_settings(DeliverySettings)
    configure_logging("webhook_delivery", settings.log_level)
    crash_points.arm(settings.crash_at)
    stopping = stop_event()
    try:
        delivery = build_delivery(settings, stopping)
    except CredentialUnreadable as error:
        sys.stderr.write(f"{error}\n")
        return 78
    log.info("webhook_delivery.starts", threads=settings.webhook_threads)
    process = ConsumingProcess(delivery.consumers, delivery.publisher, delivery.health, settings.shutdown_seconds)
    process.run(lambda: delivery.sweep.run(stopping))
    log.info("webhook_delivery.stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
