"""When a callback is sent, how often and where to: once, unless the scenario says otherwise."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.provider_kit.simulator import CallbackQueue, Delivery
from shared.provider_kit.simulator.callbacks import EARLY_RESCUE_MS, milliseconds
from shared.providers.mpesa.simulator.addresses import leading_to, with_other_token
from shared.providers.mpesa.simulator.scenarios import Telling
from shared.providers.mpesa.simulator.settings import LATE_SECONDS, MpesaSimulatorSettings
from shared.providers.mpesa.simulator.speaking import WireObject, as_json
from shared.runtime.clock import Clock

COPIES: Mapping[Telling, int] = {Telling.NEVER: 0, Telling.TWICE: 2, Telling.REPEATED: 5}


def unsigned(_delivery: Delivery, _now: datetime) -> Mapping[str, str]:
    """Safaricom signs nothing: a content type is all there is."""
    return {"content-type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What to tell, where. Several ``bodies`` are told one after another; with ``is_ahead``, before our answer."""

    event_id: str
    url: str
    bodies: Sequence[WireObject]
    telling: Telling = Telling.PROPERLY
    is_ahead: bool = False


class Teller:
    """Writes callbacks into the transaction that made them true."""

    def __init__(self, settings: MpesaSimulatorSettings, clock: Clock, queue: CallbackQueue) -> None:
        self._settings = settings
        self._clock = clock
        self._queue = queue

    def tell(self, connection: sqlite3.Connection, notice: Notice) -> tuple[int, ...]:
        """The callbacks' ids, in the order in which they are due."""
        given = with_other_token(notice.url) if notice.telling is Telling.WRONG_PATH else notice.url
        first_due_ms = milliseconds(self._clock.now()) + self._hold_back_ms(notice)
        return tuple(
            self._queue.add(
                connection,
                event_id=notice.event_id,
                url=leading_to(given, self._settings.callback_url),
                body=as_json(body).encode(),
                due_at_ms=first_due_ms + turn * self._turn_ms(),
                variant=notice.telling,
            )
            for turn, body in enumerate(notice.bodies)
            for _ in range(COPIES.get(notice.telling, 1))
        )

    def _turn_ms(self) -> int:
        """So long that one callback has surely left before the next."""
        return self._settings.delay_ms // 2 + 50

    def _hold_back_ms(self, notice: Notice) -> int:
        if notice.is_ahead:
            return EARLY_RESCUE_MS
        if notice.telling is Telling.OUT_OF_ORDER:
            return 2 * self._settings.delay_ms + 100  # until later ones have been told
        return self._settings.scaled_ms(LATE_SECONDS) if notice.telling is Telling.LATE else 0
