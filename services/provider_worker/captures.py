"""Takes what is reserved at the provider, and asks about it."""

from services.provider_worker.movements import PaymentMovementHandlers
from shared.contracts.messages.commands import CapturePayment, VerifyCapture
from shared.domain.attempt import Operation
from shared.domain.capture import Capture
from shared.domain.failure import FailureCode
from shared.domain.outcome import InDoubt, NotSent, Outcome
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.captures import CaptureRepository
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.provider import CaptureQuery, CaptureRequest, PaymentProvider, TakesCaptures

_UNABLE = "provider takes no captures"


class CaptureHandlers(PaymentMovementHandlers[Capture]):
    _sending = Operation.INITIALIZE_CAPTURE
    _asking = Operation.VERIFY_CAPTURE

    def initialize(self, command: CapturePayment) -> None:
        self._initialize(command.transaction_id, command.capture_id)

    def verify(self, command: VerifyCapture) -> None:
        self._verify(command.transaction_id, command.capture_id)

    def _stored(self, work: UnitOfWork) -> CaptureRepository:
        return work.captures

    def _refusal(self, owner: Transaction, movement: Capture) -> FailureCode | None:
        if owner.status is not TransactionStatus.AUTHORIZED:
            # Closed while the capture waited in its queue.
            return FailureCode.CAPTURE_NOT_POSSIBLE
        return super()._refusal(owner, movement)

    def _move(self, provider: PaymentProvider, owner: Transaction, movement: Capture, idempotency_key: str) -> Outcome:
        if not isinstance(provider, TakesCaptures):
            return NotSent(reason=_UNABLE)
        request = CaptureRequest(
            capture_id=movement.id,
            idempotency_key=idempotency_key,
            payment_reference=owner.provider_transaction_id or "",
            amount=movement.amount,
            is_final=movement.is_final,
        )
        return provider.capture_payment(request)

    def _ask(self, provider: PaymentProvider, owner: Transaction, movement: Capture) -> Outcome:
        if not isinstance(provider, TakesCaptures):
            return InDoubt(reason=_UNABLE)
        query = CaptureQuery(
            capture_id=movement.id,
            payment_reference=owner.provider_transaction_id or "",
            amount=movement.amount,
            reference=movement.reference,
        )
        return provider.verify_capture(query)
