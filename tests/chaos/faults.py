"""What a fault row is, and how one is played: load, fault, heal, come to rest, judge."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.chaos.load import EVERYTHING, Load, Mix
from tests.chaos.report import Row
from tests.chaos.stage import RATE, Stage


@dataclass
class Injection:
    """What a fault works with; it heals whatever it broke before it returns. ``notes`` come into the row.

    ``problems`` are what it saw go wrong itself: the row does not pass with one.
    """

    stage: Stage
    load: Load
    times: int
    chosen: random.Random
    parked: int = 0
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


# Injects, and says how often it really did.
Inject = Callable[[Injection], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """``smoke`` and ``full``: how often; 0 leaves the row out."""

    name: str
    inject: Inject
    smoke: int
    full: int
    mix: Mix = EVERYTHING
    rate: float = RATE


def play(stage: Stage, fault: Fault, times: int) -> Row:
    parked_before = stage.witnesses.backlog().parked
    with stage.load(fault.name, fault.mix, rate=fault.rate) as load:
        injection = Injection(stage, load, times, random.Random(f"{stage.seed} {fault.name}"))
        made = fault.inject(injection)
    notes = [*injection.notes, *([] if stage.settle() else ["did not come to rest"])]
    refused = sum(reply.status == 503 for request in load.requests for reply in request.replies)
    if refused:
        notes.append(f"{refused} answers of 503")
    row = stage.judge(
        fault.name,
        load.requests,
        stage.look(load.requests),
        repetitions=made,
        wanted=times,
        parked=(parked_before, injection.parked),
        note=", ".join(notes),
    )
    return replace(row, problems=(*row.problems, *injection.problems))
