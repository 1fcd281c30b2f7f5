"""Takes dead letters out of the broker's hands, and says how many wait for somebody."""

import threading

from shared.messaging.letter_consumer import LetterConsumer
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.metrics import DEAD_LETTERS_OLDEST_SECONDS, DEAD_LETTERS_WAITING


class LetterThread:
    """Runs the consumer beside the sweeps."""

    def __init__(self, consumer: LetterConsumer) -> None:
        self._consumer = consumer
        self._thread = threading.Thread(target=consumer.serve, name="letters", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Let it finish the letter in hand; what is not stored by then stays with the broker."""
        self._consumer.stop()
        self._thread.join(timeout_seconds)


class LettersWatch:
    """Sets the metrics of the letters that wait."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def __call__(self) -> int:
        with self._unit_of_work() as work:
            number, oldest = work.dead_letters.waiting()
        age = 0.0 if oldest is None else (self._clock.now() - oldest).total_seconds()
        DEAD_LETTERS_WAITING.set(number)
        DEAD_LETTERS_OLDEST_SECONDS.set(max(0.0, age))
        return number
