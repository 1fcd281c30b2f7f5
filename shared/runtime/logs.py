"""JSON logs on standard output: one line an event, with the ids that tie it to a request and a payment."""

import logging
import sys

import structlog
from structlog.typing import Processor

from shared.runtime.redaction import redact_event

# Libraries that shout about what we handle ourselves (a refused connection, a closed socket).
_NOISY = {
    "pika": logging.CRITICAL,
    "amqp": logging.WARNING,
    "websockets": logging.ERROR,
    "werkzeug": logging.WARNING,
    # a tick every two seconds; the sweep says what it found
    "celery.beat": logging.WARNING,
    "celery.app.trace": logging.WARNING,
    "celery.worker.strategy": logging.WARNING,
}


def configure_logging(service: str, level: str) -> None:
    """Send our own lines and those of all libraries through one JSON renderer with redaction; may be repeated."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        lambda _logger, _method, event: {"service": service, **event},
        structlog.processors.format_exc_info,
        redact_event,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_json_formatter(shared))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, its_level in _NOISY.items():
        logging.getLogger(name).setLevel(its_level)


def _json_formatter(shared: list[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(default=str, ensure_ascii=True),
        ],
    )
