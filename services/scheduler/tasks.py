"""THE table of what happens by the clock: a line says what a task is called, how often it runs, and how it is built."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from services.scheduler.outbox_watchdog import OutboxWatchdog
from services.scheduler.reconciliation import OpenBooks, ReconciliationSweep
from services.scheduler.recovery import RecoverySweep
from services.scheduler.sealing import AuditSealing
from services.scheduler.settings import SchedulerSettings
from services.scheduler.strays import StraySweep
from shared.application.reconciliation_run import Reconcile
from shared.application.retention import Retention, RetentionRules
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import Clock

# One run of a task: how many rows it dealt with. It may come late, twice, twice at once, or not at all.
Sweep = Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What tasks are built from."""

    unit_of_work: UnitOfWorkFactory
    clock: Clock
    settings: SchedulerSettings
    audit_keys: AuditKeys
    open_books: OpenBooks
    retention: RetentionRules


@dataclass(frozen=True, slots=True)
class Task:
    """``period_setting`` names the setting with the seconds between two runs."""

    name: str
    period_setting: str
    build: Callable[[Parts], Sweep]

    @property
    def full_name(self) -> str:
        """As Celery knows it."""
        return f"scheduler.{self.name}"

    def period_seconds(self, settings: SchedulerSettings) -> float:
        return float(getattr(settings, self.period_setting))


def _outbox_watchdog(parts: Parts) -> Sweep:
    patience = timedelta(seconds=parts.settings.outbox_alert_seconds)
    return OutboxWatchdog(parts.unit_of_work, parts.clock, patience)


def _audit_sealing(parts: Parts) -> Sweep:
    return AuditSealing(parts.unit_of_work, parts.audit_keys, parts.clock, parts.settings.audit_head_file)


def _reconciliation(parts: Parts) -> Sweep:
    settings = parts.settings
    return ReconciliationSweep(
        Reconcile(parts.unit_of_work, parts.clock),
        parts.open_books,
        parts.clock,
        period=timedelta(hours=settings.reconciliation_period_hours),
        lookback=timedelta(hours=settings.reconciliation_lookback_hours),
    )


def _retention(parts: Parts) -> Sweep:
    keeping = Retention(parts.unit_of_work, parts.clock, parts.retention)
    return lambda: sum(keeping.run().values())


TASKS: tuple[Task, ...] = (
    Task("recovery", "recovery_seconds", lambda parts: RecoverySweep(parts.unit_of_work, parts.clock)),
    Task("strays", "stray_seconds", lambda parts: StraySweep(parts.unit_of_work, parts.clock)),
    Task("outbox_watchdog", "outbox_watchdog_seconds", _outbox_watchdog),
    Task("audit_sealing", "audit_sealing_seconds", _audit_sealing),
    Task("retention", "retention_seconds", _retention),
    Task("reconciliation", "reconciliation_seconds", _reconciliation),
)
