"""The private system that a proof is played on: servers, the simulator, our processes, merchants and who listens."""

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from deploy.local.processes import SIMULATOR, ProcessSpec, our_processes
from deploy.local.settings import LocalSettings, load_settings
from deploy.local.system import LocalSystem
from tests.chaos.crew import Crew
from tests.chaos.invariants import delivered, doubled, lost, problems_of, server_errors, stuck
from tests.chaos.kinds import EDGES
from tests.chaos.listener import Listener
from tests.chaos.load import PAYMENTS, Account, Load, Mix
from tests.chaos.merchant import Merchant, Request
from tests.chaos.neighbour import another_merchant
from tests.chaos.oracle import Oracle
from tests.chaos.reading import Survey, Witnesses
from tests.chaos.report import Row, latencies
from tests.chaos.truth import Backlog, Truth
from tests.chaos.webhooks import Webhooks

# The schedules, scaled down: minutes become seconds.
DELAYS_MS = (500, 1000, 2000, 4000, 8000)
TUNING = {
    "RETRY_DELAYS_MS": ",".join(map(str, DELAYS_MS)),
    "STATUS_CHECK_SECONDS": "1,2,3,4,5",
    "RECOVERY_SECONDS": "0.5",
    "LEASE_SECONDS": "5",
    "READ_SECONDS": "2",
    "WORKER_THREADS": "4",
    # Rows have the provider fail far more often in a row than any that is alive; an open breaker would spare them that.
    "BREAKER_FAILURES": "1000000",
    # The simulators and the merchants' endpoints are on this machine; addresses are checked when they are saved.
    "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8",
    "SIMULATOR_DELAY_MS": "200",
    "SIMULATOR_TIME_SCALE": "50",
}
PROVIDERS = ("cpay",)
SERVERS_AND_ORACLE = ("postgres", "redis", "rabbitmq", "provider-simulator")
RATE = 15.0
# The other merchant only has to be there.
NEIGHBOURS_RATE = 1.0
# After the faults have ended, everything must come to rest: what makes no progress for so long is stuck. A slow machine
# may take longer, up to the limit.
# It is longer than a webhook is kept for a process that may be dead, 40 s.
STUCK_SECONDS = 90.0
LONGEST_REST_SECONDS = 600.0
LATE_CALLBACKS = 5
# The events that finish something.
ENDINGS = frozenset(f"{kind}.{ending}" for kind in EDGES for ending in ("completed", "failed", "cancelled", "expired"))


class Stage:
    """One system; rows are played on it one after another."""

    def __init__(self, local: LocalSystem, crew: Crew, seed: int) -> None:
        self.local, self.crew, self.seed = local, crew, seed
        self.environment = local.environment()
        self.delays_ms = DELAYS_MS
        self.account = Account()
        self.merchant = Merchant(self.environment)
        self.neighbour = Merchant({**self.environment, **another_merchant(self.environment)})
        oracle = Oracle(self.environment["SIMULATOR_URL"])
        self.provider_forgets = oracle.forget_keys()
        self.witnesses = Witnesses(self.environment, self.merchant, oracle, DELAYS_MS)
        self._debts = self._left_behind = Backlog()
        self.merchant.sign_in()
        self.listener = Listener(self.environment["WS_URL"], self.merchant, self.account.on_event)
        self.listener.start()
        self.webhooks = Webhooks(self.merchant, self.neighbour, seed)

    def close(self) -> None:
        self.listener.stop()
        self.webhooks.close()

    @contextmanager
    def load(self, row: str, mix: Mix, *, rate: float = RATE) -> Iterator[Load]:
        """Load from here to the end of the block, and on until the last request has its answer.

        Meanwhile the merchants' endpoints do not take everything well, and a neighbour takes payments, too.
        """
        load = Load(self.merchant, self.account, row, self.seed, mix, rate=rate)
        beside = Load(self.neighbour, Account(), f"{row}, a neighbour", self.seed, PAYMENTS, rate=NEIGHBOURS_RATE)
        self.webhooks.misbehave()
        load.start()
        beside.start()
        try:
            yield load
        finally:
            beside.stop()
            load.stop()
            self.webhooks.behave()

    def settle(self) -> bool:
        """Wait until everything has come to rest; ``False`` when nothing moves any more before that."""
        self.crew.wait_ready()
        began = moved_at = time.monotonic()
        self._debts = self._left_behind
        self.webhooks.turn_page()
        best = self._backlog()
        while (left := self._backlog()).total > 0:
            now = time.monotonic()
            if left.total < best.total or left.unfinished < best.unfinished:
                # A payment that moves on may bring callbacks: fewer unfinished ones are progress too.
                best, moved_at = left, now
            if now - moved_at > STUCK_SECONDS or now - began > LONGEST_REST_SECONDS:
                self._left_behind = self.witnesses.backlog()  # told once, by the rows that left it
                return False
            time.sleep(0.3)
        time.sleep(1)  # the listener hears the last ones
        return True

    def _backlog(self) -> Backlog:
        return self.witnesses.backlog().less(self._debts)

    def look(self, requests: Iterable[Request]) -> Survey:
        """What all rows that came to rest together are judged by.

        A provider may call back long after all has come to rest: that is looked at again, once it had its time.
        """
        made = {request.payment_id for request in requests if request.payment_id and request.kind == "payment"}
        for _ in range(LATE_CALLBACKS):
            self.webhooks.read()
            survey = self.witnesses.look(made)
            survey = replace(survey, backlog=survey.backlog.less(self._debts))
            if survey.backlog.total == 0:
                break
            time.sleep(1)
        return survey

    def judge(
        self,
        row: str,
        requests: Sequence[Request],
        survey: Survey,
        *,
        repetitions: int,
        wanted: int,
        parked: tuple[int, int] = (0, 0),
        note: str = "",
    ) -> Row:
        """What the three witnesses say about these requests.

        ``parked``: how many messages were parked before, and how many more must be now.
        """
        before, injected = parked
        ids = {request.payment_id for request in requests if request.payment_id}
        truth = self.witnesses.truth(requests, frozenset(self.listener.heard), survey)
        truth = replace(truth, logged=self.webhooks.logged, told=self.webhooks.told(ids))
        p50, p95, p99 = latencies(request.seconds for request in requests)
        problems = problems_of(truth)
        if repetitions < wanted:
            problems.append(f"injected {repetitions} times, not {wanted}")
        if truth.backlog.parked - before != injected:
            problems.append(f"{truth.backlog.parked - before} messages are parked, {injected} were poisonous")
        return Row(
            name=row,
            seed=self.seed,
            repetitions=repetitions,
            accepted=sum(request.resource_id is not None for request in requests),
            captured=sum(truth.provider[each].captured > 0 for each in ids if each in truth.provider),
            double=doubled(truth),
            lost=lost(truth),
            stuck=stuck(truth),
            parked=truth.backlog.parked - before,
            webhooks=delivered(truth),
            longest_inconsistent_seconds=longest_way(truth),
            p50_seconds=p50,
            p95_seconds=p95,
            p99_seconds=p99,
            server_errors=server_errors(truth),
            note=note,
            problems=tuple(problems),
        )


@contextmanager
def stage(seed: int, *, callbacks_url: str | None = None) -> Iterator[Stage]:
    """A system from nothing; whatever happens, nothing of it is left. ``callbacks_url``: where the provider calls back
    instead of webhook_ingest.
    """
    with tempfile.TemporaryDirectory(prefix="prove-", ignore_cleanup_errors=True) as folder:
        local = LocalSystem(settings=_settings(Path(folder)), processes=_processes(callbacks_url))
        try:
            local.up(only=SERVERS_AND_ORACLE)
            crew = Crew(local)
            try:
                crew.start_all()
                played = Stage(local, crew, seed)
                try:
                    yield played
                finally:
                    played.close()
            finally:
                crew.close()
        finally:
            local.clean()


def _processes(callbacks_url: str | None) -> Sequence[ProcessSpec]:
    specs = our_processes(PROVIDERS)
    if callbacks_url is None:
        return specs
    told = {"CALLBACKS_URL": callbacks_url}
    return [replace(each, variables={**each.variables, **told}) if each.name == SIMULATOR else each for each in specs]


def _settings(folder: Path) -> LocalSettings:
    chosen = load_settings(state_dir=folder)
    return LocalSettings(
        state_dir=chosen.state_dir,
        forced_kind="native",  # a container cannot be stopped in the middle of a write by a signal of ours
        inherited=chosen.inherited,
        tuning=TUNING,
        providers=PROVIDERS,
    )


def longest_way(truth: Truth) -> float:
    """The longest time from accepted to finished, of a payment or a movement, in seconds.

    A reservation is finished when it is made: how long it waits is its merchant's choice.
    """
    ends: dict[str, datetime] = {}
    begins: dict[str, datetime] = {}
    reserved = {event.payment_id for event in truth.events if event.type == "payment.authorized"}
    for event in truth.events:
        begins[event.subject] = min(begins.get(event.subject, event.at), event.at)
        endings = {"payment.authorized"} if event.subject in reserved else ENDINGS
        if event.type in endings:
            ends[event.subject] = max(ends.get(event.subject, event.at), event.at)
    asked = {request.resource_id for request in truth.requests}
    return max(((ends[each] - begins[each]).total_seconds() for each in ends if each in asked), default=0.0)
