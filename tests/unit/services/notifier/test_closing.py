"""What the notifier says when it ends a connection."""

import json

import pytest

from services.notifier.closing import CLOSES, Close


@pytest.mark.parametrize("close", CLOSES, ids=lambda close: close.reason)
def test_a_reason_fits_into_a_close_frame_and_says_what_to_do(close: Close) -> None:
    text = close.text(reconnect_ms=300_000)

    assert len(text.encode()) <= 123
    assert json.loads(text) == {"reason": close.reason, "hint": close.hint, "reconnect_ms": 300_000}


def test_the_codes_are_those_of_the_protocol_or_ours() -> None:
    assert all(close.code in {1011, 1012} or 4000 <= close.code < 5000 for close in CLOSES)
    assert len({close.reason for close in CLOSES}) == len(CLOSES)
