"""Disputes, as PostgreSQL keeps and forbids them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from shared.domain.dispute import Dispute
from shared.domain.dispute_status import DisputeFunds, DisputeStatus
from shared.domain.ids import TransactionId
from shared.domain.money import Money
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.identifiers import new_id
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payment


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


@pytest.fixture
def dispute(unit_of_work: UnitOfWorkFactory) -> Dispute:
    """Of a payment that is stored; itself not yet."""
    payment = a_payment(a_merchant(unit_of_work)[0])
    with unit_of_work() as work:
        work.transactions.add(payment)
        work.commit()
    return Dispute(
        id=new_id(),
        transaction_id=payment.id,
        merchant_id=payment.merchant_id,
        provider="stripe",
        reference=f"du_{new_id().hex}",
        amount=Money(100_000, "KES"),
        status=DisputeStatus.INQUIRY,
        funds=DisputeFunds.UNMOVED,
        reason="fraudulent",
        created_at=NOW,
        updated_at=NOW,
    )


def test_a_dispute_reads_back_and_is_found_by_its_reference(unit_of_work: UnitOfWorkFactory, dispute: Dispute) -> None:
    with unit_of_work() as work:
        work.disputes.add(dispute)
        work.commit()

    with unit_of_work() as work:
        assert work.disputes.find_by_reference("stripe", dispute.reference) == dispute
        assert work.disputes.find_by_reference("cpay", dispute.reference) is None
        assert work.disputes.of_transaction(dispute.transaction_id) == [dispute]
        assert work.disputes.of_transaction(TransactionId(new_id())) == []


def test_what_may_change_is_kept_and_nothing_else(unit_of_work: UnitOfWorkFactory, dispute: Dispute) -> None:
    changed = replace(
        dispute,
        status=DisputeStatus.WON,
        funds=DisputeFunds.REINSTATED,
        evidence_due_at=NOW + timedelta(days=7),
        provider_response={"id": "du_1"},
        updated_at=NOW + timedelta(hours=1),
    )
    with unit_of_work() as work:
        work.disputes.add(dispute)
        work.disputes.save(replace(changed, amount=Money(1, "KES"), reason="other", created_at=NOW + timedelta(days=1)))
        work.commit()

    with unit_of_work() as work:
        assert work.disputes.find_by_reference("stripe", dispute.reference) == changed


def test_one_reference_is_one_dispute(unit_of_work: UnitOfWorkFactory, dispute: Dispute) -> None:
    with unit_of_work() as work:
        work.disputes.add(dispute)
        with pytest.raises(IntegrityError, match="uq_disputes_provider_provider_dispute_id"):
            work.disputes.add(replace(dispute, id=new_id()))
