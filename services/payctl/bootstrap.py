"""Builds what the commands work with; the only place where their parts meet."""

from dataclasses import dataclass

from sqlalchemy import Engine

from services.payctl.settings import PayctlSettings
from shared.persistence.engine import build_engine
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a command may need. Messages that it commits are published by the relay."""

    settings: PayctlSettings
    unit_of_work: UnitOfWorkFactory
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditTools:
    """What the commands of the audit trail need."""

    engine: Engine
    keys: AuditKeys


def build_audit_tools(settings: PayctlSettings) -> AuditTools:
    engine = build_engine(settings.database_url.get_secret_value(), pool_size=1, application_name="payctl")
    return AuditTools(engine=engine, keys=AuditKeys(settings.audit_key.get_secret_value()))


def build_tools(settings: PayctlSettings) -> Tools:
    engine = build_engine(settings.database_url.get_secret_value(), pool_size=2, application_name="payctl")
    keys = AuditKeys(settings.audit_key.get_secret_value())
    return Tools(
        settings=settings,
        unit_of_work=unit_of_work_factory(engine, audit_keys=keys),
        clock=SystemClock(),
    )
