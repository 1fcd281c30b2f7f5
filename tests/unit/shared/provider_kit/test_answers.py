"""How an answer is judged: what was accepted and can be read, what was refused, and what says nothing."""

import pytest

from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Succeeded
from shared.provider_kit.answers import answer_of, outcome_of_answer
from shared.provider_kit.http import Answered, ProviderResponse
from shared.provider_kit.wire import Received

REFUSED = Declined(code=FailureCode.DECLINED)


class Payment(Received):
    id: str
    note: str | None = None


def judge(payment: Payment) -> Outcome:
    return Succeeded(reference=payment.id, answer=answer_of(payment))


def outcome_of(answer: Answered) -> Outcome:
    return outcome_of_answer(answer, {200, 201}, Payment, judge, lambda _: REFUSED)


def response(status: int, body: bytes = b'{"id": "pay_1", "surprise": 1}') -> ProviderResponse:
    return ProviderResponse(status=status, headers={}, body=body)


@pytest.mark.parametrize("status", [200, 201])
def test_an_accepted_answer_is_judged_and_kept_as_far_as_we_know_it(status: int) -> None:
    assert outcome_of(response(status)) == Succeeded(reference="pay_1", answer={"id": "pay_1"})


@pytest.mark.parametrize("status", [202, 302, 400, 500])
def test_any_other_status_is_judged_as_an_error_whatever_the_body(status: int) -> None:
    assert outcome_of(response(status)) is REFUSED


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"state": "paid"}'])
def test_an_accepted_answer_that_cannot_be_read_is_in_doubt(body: bytes) -> None:
    assert outcome_of(response(200, body)) == InDoubt(reason="http 200 unreadable")


@pytest.mark.parametrize("silence", [NotSent(reason="ConnectError"), InDoubt(reason="ReadTimeout")])
def test_a_silence_is_what_it_is(silence: NotSent | InDoubt) -> None:
    assert outcome_of(silence) is silence
