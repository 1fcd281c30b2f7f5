"""What each granian worker loads."""

from flask import Flask

from services.api.bootstrap import build_api
from services.api.settings import ApiSettings
from shared.runtime import crash_points
from shared.runtime.lifecycle import stop_noticed
from shared.runtime.logs import configure_logging
from shared.runtime.settings import load_settings


def create() -> Flask:
    settings = load_settings(ApiSettings)
    configure_logging("api", settings.log_level)
    crash_points.arm(settings.crash_at)
    return build_api(settings, stop_noticed())
