"""A statement: everything of its time, in order, to the minor unit; or none."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.outcome import Declined, Succeeded
from shared.provider_kit.provider import GivesStatements, StatementLine, StatementUnavailable
from tests.contract.providers.captures import Captures
from tests.contract.providers.payouts import Payouts
from tests.contract.providers.stage import Stage, until
from tests.contract.providers.unclear import UNCLEAR

HOUR = timedelta(hours=1)


def lines(stage: Stage, since: datetime | None = None, until: datetime | None = None) -> list[StatementLine]:
    """The whole statement of today, unless told otherwise."""
    assert isinstance(stage.adapter, GivesStatements)
    now = datetime.now(UTC)
    return list(stage.adapter.statement(since or now - HOUR, until or now + HOUR))


def about(stage: Stage, our_id: object) -> list[StatementLine]:
    return [line for line in lines(stage) if line.our_id == str(our_id)]


def test_a_payment_and_its_refund_are_in_the_statement(with_statement: Stage) -> None:
    with_statement.needs("statement_by_our_id")
    payment, reference = with_statement.paid()
    refund = with_statement.refund_request(payment, reference, with_statement.refund_amount("succeeds"))
    with_statement.refund(refund)
    with_statement.settled_refund(refund)

    [paid], [given_back] = about(with_statement, payment.transaction_id), about(with_statement, refund.refund_id)

    assert (paid.kind, paid.reference, paid.amount) == ("payment", reference, payment.amount)
    assert isinstance(paid.outcome, Succeeded)
    assert (given_back.kind, given_back.amount) == ("refund", refund.amount)
    assert isinstance(given_back.outcome, Succeeded)
    assert given_back.occurred_at >= paid.occurred_at
    assert paid.occurred_at.utcoffset() == timedelta(0)


def test_a_capture_is_in_the_statement(with_statement: Stage, captures: Captures) -> None:
    with_statement.needs("statement_by_our_id")
    request = captures.request(is_final=True)
    captures.take(request)
    captures.settled(request)

    [line] = about(with_statement, request.capture_id)

    assert (line.kind, line.amount) == ("capture", request.amount)
    assert isinstance(line.outcome, Succeeded)


def test_a_payout_is_in_the_statement(with_statement: Stage, payouts: Payouts) -> None:
    with_statement.needs("statement_by_our_id")
    request = payouts.request()
    payouts.send(request)
    payouts.settled(request)

    [line] = about(with_statement, request.payout_id)

    assert (line.kind, line.amount) == ("payout", request.amount)
    assert isinstance(line.outcome, Succeeded)


def test_what_failed_is_in_the_statement_as_failed(with_statement: Stage) -> None:
    with_statement.needs("statement_by_our_id")
    request = with_statement.request("declined")
    with_statement.pay(request)

    [line] = until(lambda: about(with_statement, request.transaction_id), bool)

    assert isinstance(line.outcome, Declined)


def test_a_statement_is_in_the_order_of_time(with_statement: Stage) -> None:
    with_statement.paid()
    with_statement.paid()

    # Some statements end with the last whole second.
    times = until(lambda: [line.occurred_at for line in lines(with_statement)], lambda seen: len(seen) >= 2)

    assert len(times) >= 2
    assert times == sorted(times)


def test_a_statement_holds_only_what_was_started_in_its_time(with_statement: Stage) -> None:
    with_statement.needs("statement_by_our_id")
    payment, _ = with_statement.paid()
    [line] = about(with_statement, payment.transaction_id)
    moment = line.occurred_at

    from_it = lines(with_statement, since=moment)
    until_it = lines(with_statement, until=moment)

    assert line in from_it
    assert line not in until_it
    assert lines(with_statement, since=moment - 3 * HOUR, until=moment - 2 * HOUR) == []


@pytest.mark.parametrize("answer", UNCLEAR)
def test_a_statement_that_cannot_be_read_is_unavailable(with_statement: Stage, answer: str) -> None:
    with pytest.raises(StatementUnavailable):
        lines(with_statement.answered_by(UNCLEAR[answer]))


def test_a_statement_of_a_provider_that_cannot_be_reached_or_refuses_us_is_unavailable(with_statement: Stage) -> None:
    with pytest.raises(StatementUnavailable):
        lines(with_statement.unreachable())
    with pytest.raises(StatementUnavailable):
        lines(with_statement.misconfigured())


def test_no_line_is_of_a_kind_that_the_statement_is_said_not_to_cover(with_statement: Stage) -> None:
    with_statement.paid()

    found = {line.kind for line in until(lambda: lines(with_statement), bool)}

    assert found <= with_statement.plugin.capabilities.statement_kinds
