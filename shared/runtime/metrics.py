"""Prometheus metrics of one process, or of all its workers where ``PROMETHEUS_MULTIPROC_DIR`` is set."""

import shutil
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

# Labels come from closed sets only: a route's rule, a provider's name, a status; never a path or an id.
HTTP_REQUESTS = Counter("gateway_http_requests_total", "HTTP requests", ["service", "method", "route", "status"])
HTTP_SECONDS = Histogram("gateway_http_request_seconds", "Duration of HTTP requests", ["service", "route"])
TRANSITIONS = Counter("gateway_payment_transitions_total", "Status changes of payments", ["provider", "status"])
REFUND_TRANSITIONS = Counter("gateway_refund_transitions_total", "Status changes of refunds", ["provider", "status"])
CAPTURE_TRANSITIONS = Counter("gateway_capture_transitions_total", "Status changes of captures", ["provider", "status"])
PAYOUT_TRANSITIONS = Counter("gateway_payout_transitions_total", "Status changes of payouts", ["provider", "status"])
# By the noun of what moved.
MOVEMENT_TRANSITIONS = {"capture": CAPTURE_TRANSITIONS, "payout": PAYOUT_TRANSITIONS, "refund": REFUND_TRANSITIONS}
PROVIDER_CALLS = Counter("gateway_provider_calls_total", "Calls to providers", ["provider", "operation", "outcome"])
PROVIDER_SECONDS = Histogram(
    "gateway_provider_call_seconds", "Duration of calls to providers", ["provider", "operation"]
)
MESSAGES_PUBLISHED = Counter("gateway_messages_published_total", "Messages that the broker confirmed", ["path"])
PUBLISH_FAILURES = Counter(
    "gateway_publish_failures_total", "Publishes without a confirm; the relay repeats them", ["reason"]
)
MESSAGES_CONSUMED = Counter("gateway_messages_consumed_total", "Messages taken from queues", ["queue", "consequence"])
DEAD_LETTERS_KEPT = Counter("gateway_dead_letters_kept_total", "Messages that died and were stored", ["reason"])
DEAD_LETTERS_DECIDED = Counter("gateway_dead_letters_decided_total", "Decisions about dead letters", ["decision"])
DEAD_LETTERS_WAITING = Gauge("gateway_dead_letters_waiting", "Dead letters that nobody has decided about")
DEAD_LETTERS_OLDEST_SECONDS = Gauge(
    "gateway_dead_letters_oldest_seconds", "How long the oldest of them has been waiting"
)
WEBHOOKS = Counter("gateway_webhooks_received_total", "Callbacks of providers", ["provider", "verdict"])
SPOOL_BYTES = Gauge("gateway_spool_bytes", "Size of the callbacks that wait on the disk", multiprocess_mode="livemax")
SPOOL_RECORDS = Gauge("gateway_spool_records", "Callbacks that wait on the disk", multiprocess_mode="livemax")
SPOOL_OLDEST_SECONDS = Gauge(
    "gateway_spool_oldest_seconds", "Age of the oldest callback that waits on the disk", multiprocess_mode="livemax"
)
SPOOL_SET_ASIDE = Gauge(
    "gateway_spool_set_aside", "Callbacks on the disk that nobody can take", multiprocess_mode="livemax"
)
WEBHOOK_ATTEMPTS = Counter("gateway_webhook_attempts_total", "Attempts to deliver to merchants", ["lane", "result"])
WEBHOOK_SECONDS = Histogram("gateway_webhook_attempt_seconds", "Duration of calls to merchants' endpoints", ["lane"])
WEBHOOK_LATENCY = Histogram(
    "gateway_webhook_delivery_seconds", "From the event to the endpoint's answer, of what is taken at the first try"
)
WEBHOOK_GIVEN_UP = Counter("gateway_webhook_given_up_total", "Deliveries whose schedule is spent")
WEBHOOK_SECRETS_UNREADABLE = Counter(
    "gateway_webhook_secrets_unreadable_total", "Deliveries put off because no key here opens the endpoint's secret"
)
ENDPOINTS_DISABLED = Counter("gateway_webhook_endpoints_disabled_total", "Endpoints that we switched off", ["reason"])
WEBSOCKETS_OPEN = Gauge("gateway_websockets_open", "Open WebSocket connections", multiprocess_mode="livesum")
FRAMES_SENT = Counter("gateway_websocket_frames_total", "Frames sent to WebSocket clients", ["type"])
WEBSOCKET_STARTS = Counter("gateway_websocket_starts_total", "What connections began with", ["how"])
WEBSOCKET_REFUSALS = Counter("gateway_websocket_refusals_total", "Handshakes that were refused", ["code"])
WEBSOCKET_CLOSES = Counter("gateway_websocket_closes_total", "Connections that the notifier ended", ["reason"])
OUTBOX_OLDEST_SECONDS = Gauge(
    "gateway_outbox_oldest_seconds", "Age of the oldest unpublished message", multiprocess_mode="livemax"
)
OUTBOX_STUCK = Gauge("gateway_outbox_stuck", "1 where a message has waited for longer than it should")
OUTBOX_UNDELIVERABLE = Gauge("gateway_outbox_undeliverable", "Waiting messages that the broker has refused")
LATE_SUCCESSES = Counter("gateway_late_successes_total", "Payments that succeeded after we had given up", ["provider"])
PROVIDER_ALERTS = Counter(
    "gateway_provider_alerts_total", "Answers of providers that somebody must look at", ["provider", "alert"]
)
DISPUTES = Counter("gateway_disputes_total", "Steps of customers' disputes", ["provider", "event"])
REFUSED_REPORTS = Counter(
    "gateway_refused_reports_total", "Provider reports that do not fit our row", ["provider", "reason"]
)
UNMATCHED_CALLBACKS = Counter(
    "gateway_unmatched_callbacks_total", "Callbacks that belong to nobody, and are looked at no more", ["provider"]
)
AUDIT_SUSPECTS = Counter("gateway_audit_suspects_total", "Audit rows that were sealed although their MAC is wrong")
AUDIT_DROPPED = Counter("gateway_audit_dropped_total", "Audit entries that could not be kept", ["reason"])
NEEDS_REVIEW = Counter("gateway_needs_review_total", "What nobody asks about any more", ["provider", "noun"])
BREAKER = Gauge("gateway_provider_breaker", "0 closed, 1 half open, 2 open; not a number without Redis", ["provider"])
WITHOUT_REDIS = Counter("gateway_without_redis_total", "What a process did alone because Redis was away", ["what"])
SWEPT = Counter("gateway_swept_total", "Rows that a sweep picked up", ["sweep"])
RECONCILIATION_LINES = Counter(
    "gateway_reconciliation_lines_total", "What comparing our books with providers' found", ["provider", "found"]
)
TASK_LAST_SUCCESS = Gauge(
    "gateway_task_last_success_timestamp_seconds", "When a task of the clock last succeeded, in Unix time", ["task"]
)
BEAT_ACTIVE = Gauge("gateway_beat_active", "1 where this beat sends the ticks, 0 where it stands by")


def prepare_multiprocess(folder: Path) -> None:
    """Empty the folder that worker processes share their metrics in; call before the first worker starts."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def render_metrics() -> tuple[str, bytes]:
    """The content type and the text of ``/metrics`` of this process."""
    return CONTENT_TYPE_LATEST, generate_latest(REGISTRY)


def render_shared_metrics(folder: Path) -> tuple[str, bytes]:
    """The same of all worker processes that share ``folder``."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call] # prometheus-client leaves it untyped
    return CONTENT_TYPE_LATEST, generate_latest(registry)
