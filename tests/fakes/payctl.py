"""What the operators' commands work with, over a database in memory."""

from typing import Any

from services.payctl.bootstrap import Tools
from services.payctl.settings import PayctlSettings
from shared.runtime.clock import Clock
from tests.fakes.books import Books
from tests.fakes.breakers import no_breakers
from tests.fakes.provider import ScriptedProvider


def tools_over(books: Books, clock: Clock, **others: Any) -> Tools:
    """``others`` takes the place of what a test has no need of."""
    given: dict[str, Any] = {
        "settings": PayctlSettings.model_construct(),
        "unit_of_work": books.unit_of_work,
        "clock": clock,
        "declare_queues": lambda: None,
        "open_provider": lambda _name, _merchant: ScriptedProvider(),
        "open_breakers": no_breakers,
    }
    return Tools(**(given | others))
