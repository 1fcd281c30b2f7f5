"""Receipts and short references, as PostgreSQL finds and forbids them."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from shared.domain.ids import MerchantId, short_reference
from shared.domain.money import Money
from shared.domain.transaction import Transaction
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.identifiers import new_id
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, a_merchant, a_payment


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


@pytest.fixture
def merchant_id(unit_of_work: UnitOfWorkFactory) -> MerchantId:
    return a_merchant(unit_of_work)[0]


def _stored(unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId, **facts: Any) -> Transaction:
    payment = replace(a_payment(merchant_id), **facts)
    with unit_of_work() as work:
        work.transactions.add(payment)
        work.commit()
    return payment


def _receipt() -> str:
    return new_id().hex[-10:].upper()


def test_a_payment_is_found_by_its_receipt_at_its_provider(
    unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId
) -> None:
    receipt = _receipt()
    payment = _stored(unit_of_work, merchant_id, provider_receipt=receipt)

    with unit_of_work() as work:
        assert work.transactions.find_by_receipt(payment.provider, receipt) == payment
        assert work.transactions.find_by_receipt("another", receipt) is None


def test_two_payments_cannot_have_one_receipt(unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId) -> None:
    receipt = _receipt()
    _stored(unit_of_work, merchant_id, provider_receipt=receipt)

    with pytest.raises(IntegrityError, match="uq_transactions_provider_receipt"):
        _stored(unit_of_work, merchant_id, provider_receipt=receipt)


@pytest.mark.parametrize("known_as", ["provider_receipt", "provider_transaction_id"])
def test_another_payment_is_known_by_a_receipt_or_a_reference(
    unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId, known_as: str
) -> None:
    receipt = _receipt()
    payment = _stored(unit_of_work, merchant_id, **{known_as: receipt})

    with unit_of_work() as work:
        known = work.transactions.is_known_by
        assert known(payment.provider, receipt, besides=a_payment(merchant_id).id)
        assert not known(payment.provider, receipt, besides=payment.id)
        assert not known("another", receipt, besides=a_payment(merchant_id).id)


def test_a_short_reference_finds_the_payment_of_just_that_money_without_a_receipt(
    unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId
) -> None:
    payment = _stored(unit_of_work, merchant_id)
    short, other = short_reference(payment.id), payment.amount + Money(100, payment.amount.currency)

    with unit_of_work() as work:
        found = work.transactions.lock_without_receipt
        assert found(payment.provider, short, payment.amount) == payment
        assert found(payment.provider, short.lower(), payment.amount) == payment
        assert found("another", short, payment.amount) is None
        assert found(payment.provider, short, other) is None
        assert found(payment.provider, "", payment.amount) is None


def test_a_short_reference_does_not_find_what_has_a_receipt(
    unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId
) -> None:
    payment = _stored(unit_of_work, merchant_id)
    with unit_of_work() as work:
        locked = work.transactions.lock(payment.id)
        assert locked is not None
        work.transactions.save(replace(locked, provider_receipt=_receipt()))
        work.commit()

    with unit_of_work() as work:
        assert (
            work.transactions.lock_without_receipt(payment.provider, short_reference(payment.id), payment.amount)
            is None
        )
