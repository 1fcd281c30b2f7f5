"""``/v1``: who may ask, and how a request runs from its idempotency key to its answer."""

import base64
import binascii
import hmac
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from shared.provider_kit.simulator import CallbackQueue, LedgerFile, SimulatedRequest, SimulatedResponse
from shared.providers.stripe.simulator import bookkeeping
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.answering import (
    SLOW_SECONDS,
    STORED_500,
    Answerer,
    authentication_refused,
    broken,
    permission_refused,
    throttled,
)
from shared.providers.stripe.simulator.bookkeeping import StoredReply
from shared.providers.stripe.simulator.exchange import Refused, Reply, invalid, pretty, response_of
from shared.providers.stripe.simulator.lifecycle import Lifecycle
from shared.providers.stripe.simulator.operations import Operation, Operations, reply_of
from shared.providers.stripe.simulator.queries import Queries
from shared.providers.stripe.simulator.scenarios import DEFAULT, Answering, Scenario
from shared.providers.stripe.simulator.settings import API_VERSION_FORMAT, DAY_MS, StripeSimulatorSettings

MAX_KEY_CHARACTERS = 255
NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth "
    "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A POST on its way: ``key`` is empty when none came."""

    key: str
    request_id: str
    host: str
    operation: Operation


@dataclass(slots=True)
class Window:
    """How many requests came in this second."""

    second: int = 0
    count: int = 0


class KeysInUse:
    """The idempotency keys whose requests are at work, some of them for a known while longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._until_ms: dict[str, int] = {}

    @contextmanager
    def held(self, key: str, now_ms: int) -> Iterator[None]:
        """Raises: Refused: 409, another request is at work with it."""
        if not key:
            yield
            return
        with self._lock:
            if key in self._running or self._until_ms.get(key, 0) > now_ms:
                raise key_in_use(key)
            self._running.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(key)

    def hold_until(self, key: str, until_ms: int) -> None:
        """Its answer takes so long to write."""
        with self._lock:
            self._until_ms[key] = until_ms


class Api:
    """What merchants see; ``respond`` raises ``Refused`` for every ordinary error."""

    def __init__(
        self,
        settings: StripeSimulatorSettings,
        file: LedgerFile,
        lifecycle: Lifecycle,
        answerer: Answerer,
        callbacks: CallbackQueue,
    ) -> None:
        self._settings = settings
        self._file = file
        self._lifecycle = lifecycle
        self._answerer = answerer
        self._callbacks = callbacks
        self._operations = Operations(file, lifecycle)
        self._queries = Queries(file, settings, lifecycle)
        self._keys = KeysInUse()
        self._window = Window()
        self._lock = threading.Lock()

    def respond(self, request: SimulatedRequest, request_id: str) -> SimulatedResponse:
        self._authenticate(request.headers.get("authorization", ""))
        version = checked_version(request.headers.get("stripe-version", self._settings.api_version))
        self._check_rate()
        armed = self._answerer.armed(request.method)
        instead = self._answerer.instead(armed)
        if instead is not None:
            return instead
        if request.method == "POST":
            response = self._post(request, request_id, armed)
        else:
            response = self._answerer.spoilt(armed, self._get(request, armed))
        return replace(response, headers={**response.headers, "Stripe-Version": version})

    def _authenticate(self, authorization: str) -> None:
        key = key_of(authorization)
        if not key:
            raise Refused(401, NO_KEY, headers={"WWW-Authenticate": 'Bearer realm="Stripe"'})
        if hmac.compare_digest(key.encode(), self._settings.api_key.encode()):
            return
        if key.startswith("rk_"):
            raise permission_refused()
        raise authentication_refused(key)

    def _check_rate(self) -> None:
        limit = self._settings.rate_limit_per_second
        if not limit:
            return
        second = self._lifecycle.now_ms() // 1000
        with self._lock:
            if second != self._window.second:
                self._window = Window(second)
            self._window.count += 1
            if self._window.count > limit:
                raise throttled()

    def _get(self, request: SimulatedRequest, armed: Answering) -> SimulatedResponse:
        question, answer = self._queries.understand(request)
        answering = self._answerer.drawn(question) if armed is Answering.PROPERLY else armed
        instead = self._answerer.instead(answering)
        if instead is not None:
            return instead
        if answering in STORED_500:
            raise broken()
        return self._answerer.spoilt(answering, response_of(Reply(status=200, body=answer())))

    def _post(self, request: SimulatedRequest, request_id: str, armed: Answering) -> SimulatedResponse:
        key = checked_key(request.headers.get("idempotency-key", ""))
        operation = self._operations.understand(request.path, request.body)
        host = f"http://{request.headers['host']}" if "host" in request.headers else ""
        asking = Asking(key=key, request_id=request_id, host=host, operation=operation)
        with self._keys.held(key, self._lifecycle.now_ms()):
            first, note = self._first_answer(asking)
            if first is not None:
                return self._repeated(first, asking, armed)
            return self._first(asking, note, armed)

    def _repeated(self, first: StoredReply, asking: Asking, armed: Answering) -> SimulatedResponse:
        """The first answer again; only an armed rule or chaos can spoil it."""
        operation = asking.operation
        is_free = armed is Answering.PROPERLY and operation.wanted.chosen is None
        answering = self._answerer.drawn(operation.question(asking.key)) if is_free else armed
        instead = self._answerer.instead(answering)
        headers = {"Idempotent-Replayed": "true", "Original-Request": first.request_id}
        return instead or self._answerer.spoilt(answering, written(first, asking, headers))

    def _first(self, asking: Asking, note: int, armed: Answering) -> SimulatedResponse:
        operation = asking.operation
        subject = operation.subject(asking.key)
        scenario = self._answerer.played(operation.wanted.chosen, operation.question(asking.key), subject)
        answering = armed
        if armed is Answering.PROPERLY:
            answering = self._answerer.wanted(scenario or DEFAULT, asking.key or subject)
        instead = self._answerer.instead(answering)
        if instead is not None:
            return instead
        stored, early = self._execute(asking, note, scenario, answering)
        if answering is Answering.SLOW and asking.key:
            self._keys.hold_until(asking.key, self._lifecycle.now_ms() + int(SLOW_SECONDS * 1000))
        self._callbacks.send_now(early)
        return self._answerer.spoilt(answering, written(stored, asking, {}))

    def _first_answer(self, asking: Asking) -> tuple[StoredReply | None, int]:
        """The answer to this key, if it has one; that the key came is noted in any case.

        Raises:
            Refused: 400, the key came before with another request.
        """
        operation = asking.operation
        with self._file.transaction() as connection:
            note = bookkeeping.note_asked(connection, operation.path, asking.key or None, operation.wanted.reference)
            since_ms = self._lifecycle.now_ms() - self._settings.scaled_ms(DAY_MS)
            stored = bookkeeping.stored_reply(connection, asking.key, since_ms) if asking.key else None
        if stored is not None and stored.digest != operation.digest:
            raise other_request(asking.key, stored.path, operation.path)
        return stored, note

    def _execute(
        self, asking: Asking, note: int, scenario: Scenario | None, answering: Answering
    ) -> tuple[StoredReply, tuple[int, ...]]:
        """Do the work and store its answer, both or neither; the answer, and the webhooks to send before it."""
        with self._file.transaction() as connection:
            act = Act(
                connection=connection,
                now_ms=self._lifecycle.now_ms(),
                request_id=asking.request_id,
                idempotency_key=asking.key or None,
                host=asking.host,
            )
            reply = broken().to_reply()
            if answering is not Answering.ERROR_500:
                reply = self._worked(act, asking, note, scenario)
            if answering in STORED_500:
                reply = broken().to_reply()
            stored = self._stored(act, asking, reply)
        return stored, tuple(act.early)

    def _worked(self, act: Act, asking: Asking, note: int, scenario: Scenario | None) -> Reply:
        """The work's answer; a refusal changes nothing, a card's no does."""
        operation = asking.operation
        act.connection.execute("SAVEPOINT work")
        try:
            made = operation.wanted.work(act, scenario)
            reply = reply_of(act.connection, made, operation.expand, livemode=self._settings.livemode)
            bookkeeping.note_executed(act.connection, note)
        except Refused as refusal:
            act.connection.execute("ROLLBACK TO work")
            act.early.clear()
            reply = refusal.to_reply()
        act.connection.execute("RELEASE work")
        return reply

    def _stored(self, act: Act, asking: Asking, reply: Reply) -> StoredReply:
        numbered = reply.numbered(asking.request_id, livemode=self._settings.livemode)
        stored = StoredReply(
            path=asking.operation.path,
            digest=asking.operation.digest,
            status=numbered.status,
            body=pretty(numbered.body),
            request_id=asking.request_id,
        )
        if asking.key:
            bookkeeping.store_reply(act.connection, asking.key, stored, act.now_ms)
        return stored


def written(stored: StoredReply, asking: Asking, more: Mapping[str, str]) -> SimulatedResponse:
    """With Stripe's headers; a 500 that is stored is not worth another try."""
    headers = {"Content-Type": "application/json", **more}
    if asking.key:
        headers = {**headers, "Idempotency-Key": asking.key, "Original-Request": stored.request_id}
    if stored.status == 500 and asking.key:
        headers["Stripe-Should-Retry"] = "false"
    return SimulatedResponse(status=stored.status, headers=headers, body=stored.body)


def key_of(authorization: str) -> str:
    """The API key of a Bearer header, or the user name of a Basic one."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    with suppress(binascii.Error, UnicodeDecodeError):
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    return ""


def checked_version(version: str) -> str:
    """Raises: Refused: 400, there is no such version."""
    if not API_VERSION_FORMAT.fullmatch(version):
        raise invalid(f"Invalid Stripe API version: {version[:40]}")
    return version


def checked_key(key: str) -> str:
    """Raises: Refused: 400, it is too long."""
    if len(key) > MAX_KEY_CHARACTERS:
        raise invalid(f"Idempotency-Key is too long: at most {MAX_KEY_CHARACTERS} characters.")
    return key


def key_in_use(key: str) -> Refused:
    return Refused(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        f"twice, and the other request is still going through): {key}. Please try again later.",
        kind="idempotency_error",
        code="idempotency_key_in_use",
    )


def other_request(key: str, first: str, now: str) -> Refused:
    what = (
        "with the same parameters they were first used with"
        if first == now
        else (f"for the same endpoint they were first used for ('{first}' vs '{now}')")
    )
    message = (
        f"Keys for idempotent requests can only be used {what}. Try using a key other than '{key}' if you meant to "
        "execute a different request."
    )
    return Refused(400, message, kind="idempotency_error")
