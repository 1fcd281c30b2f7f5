"""Runs webhook_ingest: ``python -m services.webhook_ingest``."""

import sys

from services.webhook_ingest.bootstrap import build_health, check_sources
from services.webhook_ingest.settings import IngestSettings
from shared.domain.errors import Misconfigured
from shared.runtime.logs import configure_logging
from shared.runtime.settings import load_settings
from shared.runtime.wsgi_server import WsgiService, serve_with_health, share_metrics

# Anybody may connect, and connections are counted.
IDLE_SECONDS = 10.0


def main() -> int:
    settings = load_settings(IngestSettings)
    configure_logging("webhook_ingest", settings.log_level)
    try:
        check_sources(settings)
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return 78
    share_metrics(settings.metrics_folder)
    service = WsgiService(
        target="services.webhook_ingest.worker:create",
        reads_itself=True,
        host=settings.ingest_host,
        port=settings.ingest_port,
        workers=settings.ingest_workers,
        threads=settings.ingest_threads,
        idle_seconds=IDLE_SECONDS,
    )
    serve_with_health(service, build_health(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
