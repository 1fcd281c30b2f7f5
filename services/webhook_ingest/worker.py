"""What each granian worker loads."""

from services.webhook_ingest.bootstrap import build_ingest
from services.webhook_ingest.front import Front
from services.webhook_ingest.settings import IngestSettings
from shared.runtime import crash_points
from shared.runtime.logs import configure_logging
from shared.runtime.settings import load_settings


def create() -> Front:
    settings = load_settings(IngestSettings)
    configure_logging("webhook_ingest", settings.log_level)
    crash_points.arm(settings.crash_at)
    return build_ingest(settings)
