"""How an answer goes wrong: before anything is executed, or after it is committed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from shared.provider_kit.simulator.exchange import Delay, Hang, ResetConnection, SimulatedResponse, TruncateBody
from shared.provider_kit.simulator.fault_rules import FaultRules
from shared.provider_kit.simulator.ledger_file import LedgerFile
from shared.provider_kit.simulator.tally import Tally

SLOW_SECONDS = 1.0

Way = TypeVar("Way", bound=StrEnum)
Way_co = TypeVar("Way_co", bound=StrEnum, covariant=True)

Instead = Callable[[], SimulatedResponse]
Spoil = Callable[[SimulatedResponse], SimulatedResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiling(Generic[Way]):
    """The ways in which a provider's answers go wrong, by the simulator's own names; what is in neither goes well.

    ``instead``: nothing is executed. ``afterwards``: the work is committed, and the client sees something else than its
    true answer. Either may raise the simulator's own refusal.
    """

    instead: Mapping[Way, Instead]
    afterwards: Mapping[Way, Spoil]


class AnsweringScenario(Protocol[Way_co]):
    """What a scenario says of answers: ``first_answers`` limits ``answering`` to so many; ``None``: to none."""

    @property
    def answering(self) -> Way_co: ...

    @property
    def first_answers(self) -> int | None: ...


class Answerer(Generic[Way]):
    """Chooses how the next answer goes wrong, if it does, and has it go wrong. ``properly``: it does not."""

    def __init__(self, ledger: LedgerFile, spoiling: Spoiling[Way], properly: Way) -> None:
        self.rules = FaultRules(ledger)
        self._spoiling = spoiling
        self._properly = properly
        self._spoilt_answers = Tally(ledger, "spoilt answers")

    def armed(self, *targets: str) -> Way:
        """What the armed rules want of this request; one use of the rule is spent."""
        ways = type(self._properly)
        return ways(self.rules.spend(targets, frozenset(ways)) or self._properly)

    def wanted(self, scenario: AnsweringScenario[Way], question: str) -> Way:
        """What the scenario wants of this request, which has not been executed yet."""
        most = scenario.first_answers
        if most is None or self._spoilt_answers.count(question) <= most:
            return scenario.answering
        return self._properly

    def instead(self, way: Way) -> SimulatedResponse | None:
        """An answer in place of the work; ``None``: do the work. Raises what the simulator's own refusals raise."""
        answer = self._spoiling.instead.get(way)
        return None if answer is None else answer()

    def spoilt(self, way: Way, response: SimulatedResponse) -> SimulatedResponse:
        """The true answer, as the client gets to see it. Raises as ``instead``."""
        spoil = self._spoiling.afterwards.get(way)
        return response if spoil is None else spoil(response)


def usual_spoiling(
    way: type[Way],
    refusals: Mapping[Way, Callable[[], Exception]],
    broken: Callable[[], Exception],
    html: bytes,
    hang_seconds: float,
) -> Spoiling[Way]:
    """Under the usual names, all of which ``way`` has. ``refusals`` come in place of the work."""
    return Spoiling(
        instead={**{each: refusing(refusal) for each, refusal in refusals.items()}, way("hang"): silence(hang_seconds)},
        afterwards={
            way("error_500_after_commit"): refused_afterwards(broken),
            way("hang_after_commit"): hanging(hang_seconds),
            way("reset_after_commit"): reset,
            way("truncated"): cut_in_half,
            way("slow"): delayed(SLOW_SECONDS),
            way("html"): garbled(html),
            way("empty"): garbled(b""),
        },
    )


def silence(seconds: float) -> Instead:
    """Nothing, for so long; then a closed connection."""
    return lambda: SimulatedResponse(status=504, fault=Hang(seconds))


def refusing(refusal: Callable[[], Exception]) -> Instead:
    """The simulator's own refusal, raised."""

    def refuse() -> SimulatedResponse:
        error = refusal()
        raise error

    return refuse


def refused_afterwards(refusal: Callable[[], Exception]) -> Spoil:
    """As ``refusing``, of what has been executed all the same."""
    refuse = refusing(refusal)
    return lambda _true: refuse()


def hanging(seconds: float) -> Spoil:
    return lambda response: replace(response, fault=Hang(seconds))


def delayed(seconds: float) -> Spoil:
    return lambda response: replace(response, fault=Delay(seconds))


def reset(response: SimulatedResponse) -> SimulatedResponse:
    return replace(response, fault=ResetConnection())


def cut_in_half(response: SimulatedResponse) -> SimulatedResponse:
    return replace(response, fault=TruncateBody(kept_bytes=len(response.body) // 2))


def garbled(body: bytes) -> Spoil:
    """200, called HTML, with this body."""

    def garble(response: SimulatedResponse) -> SimulatedResponse:
        return SimulatedResponse(status=200, headers={**response.headers, "Content-Type": "text/html"}, body=body)

    return garble
