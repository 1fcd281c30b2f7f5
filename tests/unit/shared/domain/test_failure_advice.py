"""Every failure tells its customer and its developer what to do."""

import pytest

from shared.domain.failure import FailureCode
from shared.domain.failure_advice import ADVICE


@pytest.mark.parametrize("code", FailureCode)
def test_every_failure_has_words_for_everybody(code: FailureCode) -> None:
    advice = ADVICE[code]

    for text in (advice.message, advice.english, advice.swahili, advice.advice):
        assert text.endswith(".")
    assert advice.english != advice.swahili


def test_what_was_taken_before_is_not_said_to_be_free() -> None:
    charged = {code for code, advice in ADVICE.items() if "not been charged" in advice.english}

    assert charged == {FailureCode.PROVIDER_FAILED, FailureCode.PROVIDER_UNAVAILABLE}
    assert charged == {code for code, advice in ADVICE.items() if "Hujatozwa" in advice.swahili}
