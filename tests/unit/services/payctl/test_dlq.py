"""An operator looks at dead letters and decides about one, some or all of them; never about all by mistake."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from services.payctl.commands.dlq import dlq
from shared.application.commands import next_payment_command
from shared.domain.outcome import Succeeded
from shared.persistence.dead_letters import LetterState
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.letters import keep, letters
from tests.fakes.makers import a_payment
from tests.fakes.payctl import tools_over
from tests.fakes.worker import WorkerOnFakes

AMINA = ("--operator", "amina")


@pytest.fixture
def worker() -> WorkerOnFakes:
    return WorkerOnFakes()


def _run(worker: WorkerOnFakes, *arguments: object) -> Result:
    tools = tools_over(worker.books, worker.clock)
    return CliRunner().invoke(dlq, [str(each) for each in arguments], obj=tools)


def _waiting(worker: WorkerOnFakes, number: int) -> list[str]:
    """Letters of payments that were never sent; their ids."""
    found = []
    for _ in range(number):
        payment = a_payment()
        worker.books.put(payment)
        found.append(str(keep(worker.books, next_payment_command(payment, NOON))))
    return found


def _succeeded(worker: WorkerOnFakes, number: int) -> list[str]:
    """Letters of payments that have been taken since; their ids."""
    found = []
    for each in range(number):
        worker.provider.will_answer(Succeeded(reference=f"CP{each}"))
        found.append(str(keep(worker.books, worker.start(a_payment()))))
    return found


def test_the_list_shows_what_died_of_what_and_how_many_wait(worker: WorkerOnFakes) -> None:
    (first,) = _waiting(worker, 1)
    other = keep(worker.books)

    shown = _run(worker, "list").output.splitlines()

    assert [line.split()[0] for line in shown[:-1]] == [str(other), first]
    assert "payment.initialize.v1" in shown[1]
    assert "retries_spent  OSError" in shown[1]
    assert shown[-1].startswith("2 shown; 2 waiting, the oldest since 2026-")


def test_the_list_is_narrowed(worker: WorkerOnFakes) -> None:
    _waiting(worker, 2)
    unreadable = keep(worker.books)

    assert _run(worker, "list", "--reason", "unreadable").output.split()[0] == str(unreadable)
    assert _run(worker, "list", "--older-than", "1h").output.startswith("0 shown; 3 waiting")
    worker.clock.advance(7200)
    assert _run(worker, "list", "--older-than", "1h30m").output.splitlines()[-1].startswith("3 shown")
    assert _run(worker, "list", "--state", "replayed").output.startswith("0 shown")
    assert _run(worker, "list", "--state", "all", "--limit", "1").output.splitlines()[-1].startswith("1 shown")


def test_one_letter_is_shown_with_what_a_replay_would_do(worker: WorkerOnFakes) -> None:
    (letter_id,) = _succeeded(worker, 1)
    worker.clock.advance(90)

    shown = json.loads(_run(worker, "show", letter_id).output)

    assert shown["a_replay_would_say"] == "skipped: attempt already succeeded"
    assert (shown["age_seconds"], shown["first_error"]["error"], shown["tries"]) == (90, "KeyError", 6)
    assert json.loads(shown["body"])["type"] == "payment.initialize.v1"


def test_of_a_hundred_of_which_forty_succeeded_sixty_act(worker: WorkerOnFakes) -> None:
    _waiting(worker, 60)
    _succeeded(worker, 40)
    before = len(worker.books.outgoing)

    dry = _run(worker, "replay", "--all", "--dry-run").output.splitlines()
    assert len(worker.books.outgoing) == before
    done = _run(worker, "replay", "--all", *AMINA).output.splitlines()

    assert done[-1] == "60 replayed, 40 skipped"
    assert dry == [*done[:-1], "60 replayed, 40 skipped (dry run: nothing was done)"]
    assert sum("skipped: attempt already succeeded" in line for line in done) == 40
    assert len(worker.books.outgoing) == before + 60
    assert _run(worker, "replay", "--all", *AMINA).output == "nothing waits\n"


@pytest.mark.parametrize("command", [("replay",), ("discard", "--why", "x")], ids=["replay", "discard"])
def test_nobody_decides_without_a_name(worker: WorkerOnFakes, command: tuple[str, ...]) -> None:
    _waiting(worker, 1)

    answered = _run(worker, *command, "--all")

    assert answered.exit_code == 2
    assert "--operator" in answered.output
    assert letters(worker.books)[0].state is LetterState.WAITING


def test_one_letter_is_replayed(worker: WorkerOnFakes) -> None:
    first, second = _waiting(worker, 2)

    answered = _run(worker, "replay", first, *AMINA)

    assert (answered.exit_code, answered.output.splitlines()[-1]) == (0, "1 replayed")
    states = {str(each.id): each.state for each in letters(worker.books)}
    assert (states[first], states[second]) == (LetterState.REPLAYED, LetterState.WAITING)


def test_the_rate_spreads_them_over_time(worker: WorkerOnFakes) -> None:
    _waiting(worker, 3)

    _run(worker, "replay", "--queue", "gw.q.cmd.cpay", "--rate", "0.5", *AMINA)

    rows = worker.books.database.committed.outbox.values()
    assert sorted(row.available_at for row in rows) == [NOON + timedelta(seconds=each) for each in (0, 2, 4)]


def test_discarding_needs_a_reason_and_keeps_it(worker: WorkerOnFakes) -> None:
    (letter_id,) = _waiting(worker, 1)

    assert "--why" in _run(worker, "discard", letter_id, *AMINA).output
    dry = _run(worker, "discard", letter_id, "--why", "a test", "--dry-run")
    assert (letters(worker.books)[0].state, dry.exit_code) == (LetterState.WAITING, 0)
    _run(worker, "discard", letter_id, "--why", "a test", *AMINA)

    (letter,) = letters(worker.books)
    assert (letter.state, letter.decision, letter.decided_by) == (
        LetterState.DISCARDED,
        "discarded: a test",
        "operator:amina",
    )


@pytest.mark.parametrize(
    "arguments",
    [(), ("--all", "--queue", "gw.q.cmd.cpay"), ("ID", "--all"), ("ID", "--reason", "rejected")],
    ids=["nothing", "all and some", "one and all", "one and some"],
)
@pytest.mark.parametrize("command", [("replay",), ("discard", "--why", "x")], ids=["replay", "discard"])
def test_nobody_decides_about_more_than_was_meant(
    worker: WorkerOnFakes, command: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    (letter_id,) = _waiting(worker, 1)
    given = [letter_id if each == "ID" else each for each in arguments]

    answered = _run(worker, *command, *given, *AMINA)

    assert answered.exit_code == 2
    assert "say which: one ID" in answered.output
    assert letters(worker.books)[0].state is LetterState.WAITING


@pytest.mark.parametrize("command", [("show",), ("replay", *AMINA), ("discard", "--why", "x", *AMINA)])
def test_a_letter_that_is_not_there_is_told_in_one_line(worker: WorkerOnFakes, command: tuple[str, ...]) -> None:
    answered = _run(worker, *command, new_id())

    assert (answered.exit_code, answered.output) == (1, "Error: There is no such dead letter.\n")


@pytest.mark.parametrize("age", ["", "1", "x", "-1h", "0s", "1y", "1h x"])
def test_an_age_that_is_none_is_refused_with_what_would_be_right(worker: WorkerOnFakes, age: str) -> None:
    answered = _run(worker, "list", "--older-than", age)

    assert answered.exit_code == 2
    assert "must be a time such as 90s, 15m, 1h30m or 2d" in answered.output
