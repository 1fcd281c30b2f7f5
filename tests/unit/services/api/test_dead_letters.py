"""Platform admins look at dead letters and decide about them; nobody else learns that there are any."""

from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from shared.application.commands import next_payment_command
from shared.persistence.dead_letters import LetterState
from tests.fakes.api import ApiOnFakes, pointers, problem
from tests.fakes.clock import NOON
from tests.fakes.letters import keep, letters
from tests.fakes.makers import USER, a_payment

LIST = "/dead-letters"


class Admin:
    def __init__(self) -> None:
        self.api = ApiOnFakes()
        self.books = self.api.books

    def get(self, path: str) -> TestResponse:
        return self.api.get(path, Authorization=self.api.bearer("platform_admin"))

    def post(self, path: str, body: object) -> TestResponse:
        bearer = self.api.bearer("platform_admin")
        return self.api.post(f"/api/v1/dead-letters{path}", body, Authorization=bearer, Idempotency_Key=None)

    def died(self, **facts: Any) -> UUID:
        payment = a_payment()
        self.books.put(payment)
        return keep(self.books, next_payment_command(payment, NOON), **facts)


@pytest.fixture
def admin() -> Admin:
    return Admin()


def test_a_letter_reads_with_all_that_is_known_of_it(admin: Admin) -> None:
    letter_id = admin.died()
    admin.api.clock.advance(60)

    told = admin.get(f"{LIST}/{letter_id}").get_json()

    assert (told["id"], told["state"], told["reason"], told["tries"]) == (str(letter_id), "waiting", "retries_spent", 6)
    assert (told["first_error"]["error"], told["last_error"]["error"]) == ("KeyError", "OSError")
    assert (told["subject_kind"], told["age_seconds"], told["headers"]) == ("payment", 60, {"x-request-id": "r1"})


def test_the_list_goes_page_by_page_newest_first(admin: Admin) -> None:
    ids = [str(admin.died()) for _ in range(3)]

    first = admin.get(f"{LIST}?limit=2").get_json()
    second = admin.get(f"{LIST}?limit=2&after={first['next_cursor']}").get_json()

    assert [each["id"] for each in first["data"]] == [ids[2], ids[1]]
    assert [each["id"] for each in second["data"]] == [ids[0]]
    assert (first["has_more"], second["has_more"], second["next_cursor"], second["waiting"]) == (True, False, None, 3)


def test_the_list_is_narrowed(admin: Admin) -> None:
    admin.died()
    chosen = admin.died(queue="gw.q.cmd.other", reason="delivery_limit")

    for query in ("queue=gw.q.cmd.other", "reason=delivery_limit"):
        assert [each["id"] for each in admin.get(f"{LIST}?{query}").get_json()["data"]] == [str(chosen)]
    assert admin.get(f"{LIST}?state=replayed").get_json()["data"] == []
    assert admin.get(f"{LIST}?older_than_seconds=60").get_json()["data"] == []


def test_a_dry_replay_says_the_same_and_does_nothing(admin: Admin) -> None:
    letter_id = admin.died()
    stored = admin.api.stored

    dry = admin.post(f"/{letter_id}/replay", {"dry_run": True}).get_json()
    assert (admin.api.stored, letters(admin.books)[0].state) == (stored, LetterState.WAITING)
    done = admin.post(f"/{letter_id}/replay", {}).get_json()

    assert dry == done
    assert done["sentence"] == "replayed: payment.initialize.v1 goes out again"
    assert letters(admin.books)[0].decided_by == str(USER)


def test_all_or_some_are_replayed_and_counted(admin: Admin) -> None:
    for _ in range(3):
        admin.died()
    admin.died(queue="gw.q.cmd.other")

    some = admin.post("/replay", {"queue": "gw.q.cmd.other"}).get_json()
    bounded = admin.post("/replay", {"all": True, "limit": 2, "rate": 2.5}).get_json()
    rest = admin.post("/replay", {"all": True}).get_json()

    assert (some["counts"], bounded["counts"], rest["counts"]) == ({"replayed": 1}, {"replayed": 2}, {"replayed": 1})
    assert (bounded["has_more"], rest["has_more"], rest["dry_run"]) == (True, False, False)
    assert len(admin.books.outgoing) == 4


@pytest.mark.parametrize("body", [{}, {"dry_run": True}, {"all": True, "queue": "x"}, {"all": False}])
def test_nothing_is_replayed_unless_it_is_said_what(admin: Admin, body: dict[str, Any]) -> None:
    admin.died()

    refused = problem(admin.post("/replay", body), 422, "validation_failed")

    assert pointers(refused) == ["/all"]
    assert letters(admin.books)[0].state is LetterState.WAITING


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/replay", {"all": 1}, "/all"),
        ("/replay", {"all": True, "rate": 0}, "/rate"),
        ("/replay", {"all": True, "rate": "fast"}, "/rate"),
        ("/replay", {"all": True, "after": "x"}, "/after"),
        ("/replay", {"all": True, "limit": 0}, "/limit"),
        ("/replay", {"queue": ""}, "/queue"),
        ("/replay", {"older_than_seconds": -1}, "/older_than_seconds"),
        ("/replay", {"every": True}, "/every"),
        ("/ID/replay", {"dry_run": "yes"}, "/dry_run"),
        ("/ID/discard", {}, "/why"),
        ("/ID/discard", {"why": ""}, "/why"),
        ("/ID/discard", {"why": "a\x00b"}, "/why"),
    ],
)
def test_a_wrong_field_is_named(admin: Admin, path: str, body: dict[str, Any], pointer: str) -> None:
    letter_id = admin.died()

    refused = problem(admin.post(path.replace("ID", str(letter_id)), body), 422, "validation_failed")

    assert pointers(refused) == [pointer]


def test_a_letter_is_discarded_once_with_its_reason(admin: Admin) -> None:
    letter_id = admin.died()

    first = admin.post(f"/{letter_id}/discard", {"why": "sent by a test"}).get_json()
    second = admin.post(f"/{letter_id}/discard", {"why": "again"}).get_json()

    assert (first["decision"], first["sentence"]) == ("discarded", "discarded: sent by a test")
    assert second["sentence"] == "skipped: letter already discarded"
    assert letters(admin.books)[0].decision == "discarded: sent by a test"


@pytest.mark.parametrize("letter_id", ["01a209b5-8f0a-726d-974c-ee8eac547819", "x", "%00", "replay"])
def test_what_is_not_there_is_not_found(admin: Admin, letter_id: str) -> None:
    problem(admin.get(f"{LIST}/{letter_id}"), 404, "not_found")
    problem(admin.post(f"/{letter_id}/replay", {}), 404, "not_found")
    problem(admin.post(f"/{letter_id}/discard", {"why": "x"}), 404, "not_found")


def test_a_cursor_that_is_none_is_refused(admin: Admin) -> None:
    problem(admin.get(f"{LIST}?after=x"), 422, "validation_failed")


@pytest.mark.parametrize("role", ["merchant_admin", "operator", "developer", "viewer"])
def test_a_merchants_people_may_do_none_of_it(admin: Admin, role: str) -> None:
    letter_id, bearer = admin.died(), admin.api.bearer(role)

    answers = [
        admin.api.get(LIST, Authorization=bearer),
        admin.api.get(f"{LIST}/{letter_id}", Authorization=bearer),
        *(
            admin.api.post(f"/api/v1/dead-letters/{letter_id}/{what}", {}, Authorization=bearer)
            for what in ("replay", "discard")
        ),
        admin.api.post("/api/v1/dead-letters/replay", {"all": True}, Authorization=bearer),
    ]

    for each in answers:
        problem(each, 403, "not_authorised")
    assert letters(admin.books)[0].state is LetterState.WAITING


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_can_only_be_left_keeps_nothing_behind_it_from_being_replayed(admin: Admin, dry_run: bool) -> None:
    for _ in range(3):
        keep(admin.books)
    last = str(admin.died())

    asked = {"all": True, "limit": 2, "dry_run": dry_run}
    first = admin.post("/replay", asked).get_json()
    second = admin.post("/replay", {**asked, "after": first["next_cursor"]}).get_json()

    assert (first["counts"], first["has_more"]) == ({"left": 2}, True)
    assert (second["counts"], second["data"][1]["id"]) == ({"left": 1, "replayed": 1}, last)
    assert (second["has_more"], second["next_cursor"]) == (False, None)
