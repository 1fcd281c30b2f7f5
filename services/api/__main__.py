"""Runs the API: ``python -m services.api``."""

from services.api.bootstrap import build_health
from services.api.settings import ApiSettings
from shared.runtime.logs import configure_logging
from shared.runtime.settings import load_settings
from shared.runtime.wsgi_server import WsgiService, serve_with_health, share_metrics


def main() -> None:
    settings = load_settings(ApiSettings)
    configure_logging("api", settings.log_level)
    share_metrics(settings.metrics_folder)
    service = WsgiService(
        target="services.api.wsgi:create",
        host=settings.api_host,
        port=settings.api_port,
        workers=settings.api_workers,
        threads=settings.api_threads,
    )
    serve_with_health(service, build_health(settings))


if __name__ == "__main__":
    main()
