"""What is looked for, and where, when the answer to a payment or a refund was lost."""

from shared.domain.outcome import InDoubt, NotSent, Pending, Succeeded
from shared.providers.stripe.tests.played import (
    LOST_PAYMENT,
    LOST_REFUND,
    NOW,
    Json,
    error,
    intent,
    listed,
    playing,
    refund,
    says,
)


def other(number: int) -> Json:
    return intent(id=f"pi_other_{number}", metadata={"gateway_payment_id": f"other-{number}"})


def test_a_lost_payment_is_looked_for_on_every_page_since_shortly_before_it() -> None:
    adapter, stripe = playing(
        says(listed(other(1), other(2), has_more=True)),
        says(listed(other(3), intent(), has_more=True)),
        says(listed(other(4))),
    )

    outcome = adapter.verify_payment(LOST_PAYMENT)

    assert isinstance(outcome, Succeeded)
    assert outcome.reference == "pi_1"
    assert [asked.fields.get("starting_after") for asked in stripe.asked] == [None, "pi_other_2", "pi_1"]
    assert {asked.fields["created[gte]"] for asked in stripe.asked} == {str(int(NOW.timestamp()) - 300)}
    assert {asked.path for asked in stripe.asked} == {"/v1/payment_intents"}


def test_only_a_whole_list_without_it_proves_that_a_payment_never_arrived() -> None:
    whole, _ = playing(says(listed(other(1), has_more=True)), says(listed(other(2))))
    cut, _ = playing(says(listed(other(1), has_more=True)), says(error(type="api_error"), 500))
    empty_but_more, _ = playing(says(listed(has_more=True)))
    in_circles, circling = playing(says(listed(other(1), has_more=True)))

    assert whole.verify_payment(LOST_PAYMENT) == NotSent(reason="not_found")
    for adapter in (cut, empty_but_more, in_circles):
        assert isinstance(adapter.verify_payment(LOST_PAYMENT), InDoubt)
    assert len(circling.asked) == 2


def test_two_intents_with_our_id_are_in_doubt() -> None:
    adapter, _ = playing(says(listed(intent(), intent(id="pi_2"))))

    assert adapter.verify_payment(LOST_PAYMENT) == InDoubt(reason="2 have our id")


def test_an_intent_without_our_id_is_not_taken_for_a_lost_one() -> None:
    adapter, _ = playing(says(listed(intent(metadata={}))))

    assert adapter.verify_payment(LOST_PAYMENT) == NotSent(reason="not_found")


def test_a_lost_refund_is_looked_for_among_those_of_its_payment() -> None:
    foreign = refund(id="re_0", metadata={})
    adapter, stripe = playing(says(listed(foreign, has_more=True)), says(listed(refund("pending"))))
    none, _ = playing(says(listed(foreign)))

    outcome = adapter.verify_refund(LOST_REFUND)

    assert isinstance(outcome, Pending)
    assert outcome.reference == "re_1"
    assert stripe.asked[0].fields["payment_intent"] == "pi_1"
    assert none.verify_refund(LOST_REFUND) == NotSent(reason="not_found")
