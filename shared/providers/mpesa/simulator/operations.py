"""A request, understood: whose it is, how it is to be played, and what there is to do."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from shared.providers.mpesa.simulator.bookkeeping import Asking
from shared.providers.mpesa.simulator.scenarios import DEFAULT, Scenario
from shared.providers.mpesa.simulator.speaking import Answer

# Done in the caller's transaction; what it raises undoes it.
Work = Callable[[sqlite3.Connection, Scenario], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    asking: Asking
    scenario: Scenario
    work: Work

    @property
    def is_chosen(self) -> bool:
        """Whether the request named its scenario, by amount or phone."""
        return self.scenario is not DEFAULT

    @property
    def question(self) -> str:
        """What is asked, in words that are the same in every run with the same references."""
        return f"{self.asking.api} {self.asking.subject}"
