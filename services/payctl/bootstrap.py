"""Builds what the commands work with; the only place where their parts meet."""

from dataclasses import dataclass

from services.payctl.settings import PayctlSettings
from shared.persistence.engine import build_engine
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a command may need. Messages that it commits are published by the relay."""

    settings: PayctlSettings
    unit_of_work: UnitOfWorkFactory
    clock: Clock


def build_tools(settings: PayctlSettings) -> Tools:
    engine = build_engine(settings.database_url.get_secret_value(), pool_size=2, application_name="payctl")
    return Tools(settings=settings, unit_of_work=unit_of_work_factory(engine), clock=SystemClock())
