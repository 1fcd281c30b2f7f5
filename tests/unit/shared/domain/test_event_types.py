"""Which types of event there are, and how they are asked for."""

import pytest

from shared.domain.event_types import EVENT_TYPES, types_meant


def test_every_noun_has_its_first_event_and_its_call_for_a_person() -> None:
    nouns = {"payment", "capture", "refund", "payout"}

    assert {each.partition(".")[0] for each in EVENT_TYPES} == nouns | {"dispute"}
    assert {f"{noun}.{word}" for noun in nouns for word in ("initiated", "needs_review", "completed")} <= EVENT_TYPES


def test_a_type_means_itself_and_a_star_all_of_its_noun() -> None:
    meant = types_meant(["payment.completed", "refund.*"])

    assert meant - {"payment.completed"} == {each for each in EVENT_TYPES if each.startswith("refund.")}
    assert "payment.completed" in meant


@pytest.mark.parametrize(
    "unknown", ["", "payment", "payment.", "payment.complete", "*", ".*", "pay.*", "payment.comp*", "Payment.*"]
)
def test_what_means_no_type_is_refused_by_name(unknown: str) -> None:
    with pytest.raises(ValueError, match=f"^{unknown!r} is no type".replace("*", r"\*").replace(".", r"\.")):
        types_meant(["payment.completed", unknown])
