"""Makes an interpreter's clocks wrong by ``SKEW_SECONDS``: Python loads this where ``PYTHONPATH`` leads here.

Only what tells the time of day is wrong: timed waits go by the monotonic clock, which no date changes. libfaketime,
which would do it from outside, breaks either those or ``time.sleep``.
"""

import os
import time
from datetime import datetime, timedelta

from shared.runtime.clock import SystemClock

_OFFSET = timedelta(seconds=float(os.environ["SKEW_SECONDS"]))
_TRUE_NOW, _TRUE_TIME = SystemClock.now, time.time


def _wrong_now(self: SystemClock) -> datetime:
    return _TRUE_NOW(self) + _OFFSET


SystemClock.now = _wrong_now  # type: ignore[method-assign] # the purpose of this module
time.time = lambda: _TRUE_TIME() + _OFFSET.total_seconds()
