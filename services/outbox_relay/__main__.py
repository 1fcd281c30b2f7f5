"""Runs the relay: ``python -m services.outbox_relay``. Several may run at once."""

import structlog

from services.outbox_relay.bootstrap import build_relay
from services.outbox_relay.settings import RelaySettings
from shared.runtime import crash_points
from shared.runtime.lifecycle import stop_event
from shared.runtime.logs import configure_logging
from shared.runtime.settings import load_settings

log = structlog.get_logger()


def main() -> None:
    settings = load_settings(RelaySettings)
    configure_logging("outbox_relay", settings.log_level)
    crash_points.arm(settings.crash_at)
    stopping = stop_event()
    relay = build_relay(settings)
    relay.health.start()
    relay.letters.start()
    log.info("relay.started")
    relay.sweeper.run(stopping)
    relay.letters.stop()
    relay.health.stop()
    log.info("relay.stopped")


if __name__ == "__main__":
    main()
