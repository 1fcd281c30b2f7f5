"""Callbacks of nobody: an operator sees them, and has them looked at again when that has changed."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.payctl.commands.callbacks import callbacks
from shared.contracts.messages.codec import decode
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.customer import Customer
from shared.domain.money import Money
from shared.provider_kit.provider import MoneyReceived, NothingReported
from shared.runtime.identifiers import new_id
from shared.runtime.spool import Spool
from tests.fakes.clock import NOON
from tests.fakes.payctl import tools_over
from tests.fakes.worker import WorkerOnFakes

TOLD = MoneyReceived(
    reference="CP1",
    amount=Money(90_000, "KES"),
    till="832909",
    account="INV-7",
    customer=Customer(),
    received_at=NOON,
)


@pytest.fixture
def worker() -> WorkerOnFakes:
    return WorkerOnFakes()


def _run(worker: WorkerOnFakes, *arguments: object) -> Result:
    tools = tools_over(worker.books, worker.clock)
    return CliRunner().invoke(callbacks, [str(each) for each in arguments], obj=tools)


def _look_again(worker: WorkerOnFakes, event_id: object) -> Result:
    return _run(worker, "look-again", event_id, "--reason", "the till is Ours now", "--operator", "amina")


def test_the_list_shows_what_nobody_has_processed_and_which_till_has_no_owner(worker: WorkerOnFakes) -> None:
    unmatched, new = worker.receive(TOLD), worker.receive(replace(TOLD, reference="CP2"))
    processed = worker.receive(NothingReported(reason="a test"))
    for message in (unmatched, processed):
        worker.handle(message)

    shown = _run(worker, "list").output.splitlines()

    assert [line.split()[0] for line in shown[:-1]] == [str(unmatched.webhook_event_id), str(new.webhook_event_id)]
    assert "unmatched till 832909, looks: 1" in shown[0]
    assert "not looked at yet, looks: 0" in shown[1]
    assert shown[-1] == "2 shown"


def test_the_list_shows_no_more_than_it_is_asked_for(worker: WorkerOnFakes) -> None:
    first, _ = worker.receive(TOLD), worker.receive(TOLD)

    shown = _run(worker, "list", "--limit", 1).output.splitlines()

    assert (shown[0].split()[0], shown[-1]) == (str(first.webhook_event_id), "1 shown")


def test_what_is_looked_at_again_gets_a_message_and_an_entry_in_the_trail(worker: WorkerOnFakes) -> None:
    message = worker.receive(TOLD)

    answered = _look_again(worker, message.webhook_event_id)

    (sent,) = worker.books.outgoing
    again = decode(sent.body)
    assert isinstance(again, ProviderEventReceived)
    assert (answered.exit_code, again.webhook_event_id) == (0, message.webhook_event_id)
    (entry,) = worker.books.database.committed.audit_log.values()
    assert (entry.event_type, entry.user_id) == ("webhook.sent_again", "operator:amina")
    assert entry.event_data["reason"] == "the till is Ours now"


def test_what_has_been_processed_is_not_looked_at_again(worker: WorkerOnFakes) -> None:
    message = worker.receive(NothingReported(reason="a test"))
    worker.handle(message)

    answered = _look_again(worker, message.webhook_event_id)

    assert (answered.exit_code, worker.books.outgoing) == (1, [])
    assert "has been processed: nothing to do: a test" in answered.output


def test_a_callback_that_was_never_stored_is_not_looked_at(worker: WorkerOnFakes) -> None:
    answered = _look_again(worker, new_id())

    assert answered.exit_code == 1
    assert "there is no callback" in answered.output


def test_what_waits_on_the_disk_is_shown(worker: WorkerOnFakes, tmp_path: Path) -> None:
    assert "0 waiting" in _run(worker, "spooled", "--folder", tmp_path).output
    spool = Spool(tmp_path, 10_000, worker.clock)
    spool.append(b"one")
    spool.append(b"two")

    shown = _run(worker, "spooled", "--folder", tmp_path)

    assert (shown.exit_code, "2 waiting in 1 files" in shown.output) == (0, True)
    assert "the oldest since 2026-01-15T12:00:00" in shown.output


def test_what_nobody_could_take_from_the_disk_is_told(worker: WorkerOnFakes, tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10_000, worker.clock)
    spool.append(b"one")
    spool.drain(lambda records: [(record, "refused") for record in records])

    shown = _run(worker, "spooled", "--folder", tmp_path)

    assert (shown.exit_code, "1 set aside" in shown.output) == (1, True)


def test_without_a_folder_it_is_asked_for(worker: WorkerOnFakes) -> None:
    assert "SPOOL_DIR" in _run(worker, "spooled").output
