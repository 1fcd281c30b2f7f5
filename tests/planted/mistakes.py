"""The mistakes. Each replaces one piece of text that stands exactly once in its file, and names the tests to run."""

from dataclasses import dataclass

WORKER, APPLICATION, API = (
    "tests/unit/services/provider_worker",
    "tests/unit/shared/application",
    "tests/unit/services/api",
)
CORE = "tests/property/test_the_whole_core.py"
REPEATING_PROVIDER = f"{CORE}::test_nothing_is_taken_twice_or_lost_with_a_provider_that_repeats_its_answers"
FORGETFUL_PROVIDER = f"{CORE}::test_nothing_is_taken_twice_or_lost_with_a_provider_where_every_request_takes_money"
# The real delivery of webhooks, with the endpoint and the invariants of ``make prove``.
UNDER_THE_ORACLE = "tests/unit/chaos/test_delivery_under_the_oracle.py"
REAL_DATABASE = "tests/integration/shared/persistence/test_unit_of_work.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """``right`` becomes ``wrong`` in ``path``; at least one of ``tests`` must fail then."""

    name: str
    path: str
    right: str
    wrong: str
    tests: tuple[str, ...]


MISTAKES = (
    Mistake(
        name="acknowledge before the work is committed",
        path="shared/messaging/consumer.py",
        right="            tried = self._held_and_tried(delivery)\n",
        wrong="            delivery.ack()\n            tried = self._held_and_tried(delivery)\n",
        tests=("tests/unit/shared/messaging/test_consumer.py",),
    ),
    Mistake(
        name="claim an idempotency key and ignore the conflict",
        path="services/api/idempotency.py",
        right="            if not work.idempotency_keys.claim(claim):\n",
        wrong="            if work.idempotency_keys.claim(claim) is None:\n",
        tests=(f"{API}/test_idempotent_requests.py",),
    ),
    Mistake(
        name="no unique key of a merchant's payments",
        path="shared/persistence/migrations/versions/0001_the_first_tables.py",
        right='        sa.UniqueConstraint("merchant_id", "idempotency_key", '
        'name=op.f("uq_transactions_merchant_id_idempotency_key")),\n',
        wrong="",
        tests=(
            "tests/integration/shared/persistence/test_schema.py::test_the_migrated_schema_is_what_the_code_expects",
        ),
    ),
    Mistake(
        name="answer another request from the stored response",
        path="services/api/idempotency.py",
        right="(known.endpoint, known.fingerprint) != (request.endpoint, request.fingerprint)",
        wrong="known.endpoint != request.endpoint",
        tests=(f"{API}/test_idempotent_requests.py",),
    ),
    Mistake(
        name="send again with a fresh provider key",
        path="shared/domain/attempt.py",
        right='return f"{operation}:{subject}"',
        wrong="return f\"{operation}:{subject}:{__import__('uuid').uuid4()}\"",
        tests=(REPEATING_PROVIDER,),
    ),
    Mistake(
        name="check a refund's sum first, insert it then",
        path="shared/persistence/refunds.py",
        right=".where(transactions.c.id == transaction_id, left >= amount.amount_minor_units)",
        wrong=(
            ".where(transactions.c.id == transaction_id, self._connection.execute("
            "select(left).where(transactions.c.id == transaction_id)).scalar_one() >= amount.amount_minor_units)"
        ),
        tests=(f"{REAL_DATABASE}::test_refunds_that_race_never_promise_more_than_was_taken",),
    ),
    Mistake(
        name="a late failure overwrites a success",
        path="shared/domain/transaction_status.py",
        right="    (S.COMPLETED, T.REFUND_SOME):",
        wrong='    (S.COMPLETED, T.DECLINE): Transition(S.FAILED, "payment.failed"),\n'
        "    (S.COMPLETED, T.REFUND_SOME):",
        tests=(f"{APPLICATION}/test_payment_outcome.py", "tests/unit/shared/domain/test_transaction_status.py"),
    ),
    Mistake(
        name="delays by a message's own TTL, in one queue",
        path="shared/messaging/topology.py",
        right='"x-message-ttl": delay_ms, ',
        wrong="",
        tests=("tests/unit/shared/messaging/test_topology.py",),
    ),
    Mistake(
        name="publish and do not wait for the confirm",
        path="shared/messaging/publisher.py",
        right="            self._await_confirms()\n",
        wrong="            self._confirmed = set(self._waiting.values())\n",
        tests=("tests/unit/shared/messaging/test_publishing.py",),
    ),
    Mistake(
        name="take a refused message for a confirmed one",
        path="shared/messaging/publisher.py",
        right='        PUBLISH_FAILURES.labels(reason="nack").inc(len(refused))\n',
        wrong="        self._confirmed.update(refused)\n",
        tests=("tests/unit/shared/messaging/test_publishing.py",),
    ),
    Mistake(
        name="take a message that no queue wanted for a confirmed one",
        path="shared/messaging/publisher.py",
        right="            if str(confirmed) not in self._unroutable:\n",
        wrong="            if confirmed is not None:\n",
        tests=("tests/unit/shared/messaging/test_publishing.py",),
    ),
    Mistake(
        name="mark the outbox before the broker has confirmed",
        path="services/outbox_relay/outbox_sweep.py",
        right="                work.outbox.mark_published(published, ",
        wrong="                work.outbox.mark_published([each.message_id for each in waiting], ",
        tests=("tests/unit/services/outbox_relay/test_outbox_sweep.py",),
    ),
    Mistake(
        name="take a timeout for a failure",
        path="shared/application/payment_outcome.py",
        right="            return T.DOUBT\n",
        wrong="            return T.DECLINE\n",
        tests=(f"{APPLICATION}/test_payment_outcome.py",),
    ),
    Mistake(
        name="take a timeout for a request that was not sent",
        path="shared/provider_kit/http.py",
        right="        return InDoubt(reason=type(error).__name__)\n",
        wrong="        return NotSent(reason=type(error).__name__)\n",
        tests=("shared/providers/cpay/tests/test_adapter.py", "tests/contract/providers/test_payments.py"),
    ),
    Mistake(
        name="send again what is only in doubt",
        path="shared/application/payment_outcome.py",
        right="never_arrived = isinstance(outcome, NotSent) and",
        wrong="never_arrived = isinstance(outcome, NotSent | InDoubt) and",
        tests=(FORGETFUL_PROVIDER,),
    ),
    Mistake(
        name="do not compare a callback's amount",
        path="services/provider_worker/provider_events.py",
        right="    return ours == theirs\n",
        wrong="    return ours.currency == theirs.currency\n",
        tests=(f"{WORKER}/test_provider_events.py",),
    ),
    Mistake(
        name="apply a callback each time that its message comes",
        path="services/provider_worker/provider_events.py",
        right="if event is None or event.processed:",
        wrong="if event is None:",
        tests=(f"{WORKER}/test_provider_events.py",),
    ),
    Mistake(
        name="believe a callback without its signature",
        path="shared/provider_kit/webhooks.py",
        right="    return any(matches)\n",
        wrong="    return bool(matches)\n",
        tests=("shared/providers/cpay/tests/test_webhooks.py",),
    ),
    Mistake(
        name="claim a payment whatever its status",
        path="services/provider_worker/payments.py",
        right="if payment is None or payment.status is not TransactionStatus.PENDING:",
        wrong="if payment is None:",
        tests=(f"{WORKER}/test_payments.py",),
    ),
    Mistake(
        name="call although the lease is over",
        path="services/provider_worker/attempts.py",
        right="if self._clock.now() >= attempt.lease_until:",
        wrong="if self._clock.now() < attempt.started_at:",
        tests=(f"{WORKER}/test_attempts.py",),
    ),
    Mistake(
        name="take a query that was not made for proof that there is nothing",
        path="services/provider_worker/gate.py",
        right="    if operation.asks:\n",
        wrong="    if not operation:\n",
        tests=(f"{WORKER}/test_gate.py",),
    ),
    Mistake(
        name="let a late answer overwrite what others recorded",
        path="services/provider_worker/attempts.py",
        right="                self._note_late_answer(work, owner, attempt, outcome)\n",
        wrong="                apply_outcome(work, owner, owner, outcome, self.context(attempt))\n",
        tests=(f"{WORKER}/test_attempts.py",),
    ),
    Mistake(
        name="expire a payment without asking its provider",
        path="shared/application/payment_outcome.py",
        right="    return context.is_check and context.now >= payment.expires_at\n",
        wrong="    return context.now >= payment.expires_at\n",
        tests=(f"{APPLICATION}/test_payment_retries.py",),
    ),
    Mistake(
        name="forget a callback whose message was lost",
        path="services/outbox_relay/callback_sweep.py",
        right="for event in forgotten:",
        wrong="for event in forgotten[:0]:",
        tests=(REPEATING_PROVIDER,),
    ),
    Mistake(
        name="read money through a float",
        path="services/api/json_body.py",
        right="parse_float=Decimal,",
        wrong="parse_float=lambda text: Decimal(repr(float(text))),",
        tests=(f"{API}/test_json_body.py",),
    ),
    Mistake(
        name="record a webhook as delivered before it is sent",
        path="services/webhook_delivery/deliverer.py",
        right='            reach("delivery.after_claim")\n',
        wrong="            taken = Verdict(milliseconds=0, is_taken=True, status=200)\n"
        "            self._recorder.record(claim.endpoint, claim.delivery, self._clock.now(), taken)\n",
        tests=(UNDER_THE_ORACLE,),
    ),
    Mistake(
        name="take any answer of an endpoint for a delivery",
        path="services/webhook_delivery/verdict.py",
        right="        is_taken=200 <= answer.status < 300,\n",
        wrong="        is_taken=answer.status > 0,\n",
        tests=(UNDER_THE_ORACLE,),
    ),
    Mistake(
        name="make no webhook of an event now and then",
        path="shared/application/webhook_fanout.py",
        right="        if endpoint.wants(happening.event_type, happening.occurred_at)\n",
        wrong="        if endpoint.wants(happening.event_type, happening.occurred_at) and happening.event_id.int % 8\n",
        tests=(UNDER_THE_ORACLE,),
    ),
    Mistake(
        name="tell every merchant's endpoints of an event",
        path="shared/application/webhook_fanout.py",
        right="    listening = {each: _listening(work, each) for",
        wrong="    listening = {each: _listening(work, None) for",
        tests=(UNDER_THE_ORACLE,),
    ),
    Mistake(
        name="give a webhook another id each time that it is sent",
        path="services/webhook_delivery/deliverer.py",
        right="**signed_headers(claim.delivery.event_id, ",
        wrong="**signed_headers(__import__('uuid').uuid4(), ",
        tests=(UNDER_THE_ORACLE,),
    ),
)
