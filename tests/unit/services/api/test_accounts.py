"""Accounts at providers: checked with the provider before they are stored, secrets never told again."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
import pytest
from cryptography.fernet import Fernet
from werkzeug.test import TestResponse

from services.api.bootstrap import active_providers
from shared.application.provider_access import config_of
from shared.domain.ids import MerchantId
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.unit_of_work import UnitOfWork
from tests.fakes.api import INITIALIZE, ORDER, PAYOUT, ApiOnFakes, pointers, problem
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT

URL = "/api/v1/providers/cpay/config"
KEY = "cpk_test_0123456789abcdef0123456789abcdef"
OTHER_KEY = "cpk_test_ffffffffffffffffffffffffffffcafe"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"
CONFIG: dict[str, Any] = {"base_url": "https://cpay.example/v1", "api_key": KEY, "webhook_secrets": [SECRET]}


@pytest.fixture
def api() -> ApiOnFakes:
    api = ApiOnFakes()
    api.books.do(lambda work: work.accounts.ensure_merchant(MERCHANT, "Ours", NOON))
    api.books.do(lambda work: work.accounts.ensure_merchant(OTHER_MERCHANT, "Theirs", NOON))
    return api


def _post(api: ApiOnFakes, body: object, role: str = "platform_admin", url: str = URL) -> TestResponse:
    return api.post(url, body, Authorization=api.bearer(role), Idempotency_Key=None)


def _configured(api: ApiOnFakes, **body: Any) -> dict[str, Any]:
    response = _post(api, {"config": CONFIG} | body)
    assert response.status_code == 200, response.data
    answer: dict[str, Any] = response.get_json()
    return answer


def _stored(api: ApiOnFakes, merchant_id: MerchantId | None = None) -> StoredProviderConfig:
    with api.books.unit_of_work() as work:
        found = work.provider_configs.find("cpay", merchant_id)
    assert found is not None
    return found


def _secrets(api: ApiOnFakes, merchant_id: MerchantId | None = None) -> list[str]:
    config = config_of(_stored(api, merchant_id), api.known["cpay"], api.cipher)
    return [each.get_secret_value() for each in (config.api_key, *config.webhook_secrets)]


def _changes(api: ApiOnFakes) -> list[tuple[object, object, object]]:
    trail = [
        row for row in api.books.database.committed.audit_log.values() if row.event_type == "configuration.changed"
    ]
    return [(row.event_data["account"], row.event_data["changed_fields"], row.user_id) for row in trail]


def test_an_account_is_stored_encrypted_and_answered_masked(api: ApiOnFakes) -> None:
    answer = _configured(api)

    assert answer["config"] == {
        "api_key": "…cdef",
        "base_url": "https://cpay.example/v1",
        "webhook_secrets": ["…LaSw"],
    }
    assert (answer["provider"], answer["merchant_id"], answer["is_active"]) == ("cpay", None, True)
    assert _secrets(api) == [KEY, SECRET]
    assert KEY not in repr(_stored(api))
    assert SECRET not in repr(_stored(api))


def test_reading_tells_no_secret(api: ApiOnFakes) -> None:
    _configured(api)

    response = api.get("/providers/cpay/config", Authorization=api.bearer("platform_admin"))

    assert response.get_json()["config"]["api_key"] == "…cdef"
    assert KEY not in response.text
    assert SECRET not in response.text


def test_there_is_nothing_to_read_before_it_is_configured(api: ApiOnFakes) -> None:
    problem(api.get("/providers/cpay/config", Authorization=api.bearer("platform_admin")), 404, "not_found")
    problem(_post(api, {}, url="/api/v1/providers/nobody/config"), 404, "not_found")


def test_what_is_left_out_stays_and_null_takes_away(api: ApiOnFakes) -> None:
    _configured(api)

    _configured(api, config={"api_key": OTHER_KEY, "webhook_secrets": None})

    assert _secrets(api) == [OTHER_KEY]
    assert _stored(api).config["base_url"] == "https://cpay.example/v1"


def test_a_new_callback_secret_is_added_without_knowing_the_old_one(api: ApiOnFakes) -> None:
    _configured(api)

    _configured(api, config={}, add_webhook_secret=NEW_SECRET)

    assert _secrets(api) == [KEY, NEW_SECRET, SECRET]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"api_key": "canary"}, "/config/api_key"),
        ({"api_key": ["canary"]}, "/config/api_key"),
        ({"api_key": None}, "/config/api_key"),
        ({"webhook_secrets": ["canary"]}, "/config/webhook_secrets"),
        ({"webhook_secrets": {"canary": 1}}, "/config/webhook_secrets"),
        ({"base_url": "ftp://canary"}, "/config/base_url"),
        ({"unknown": "canary"}, "/config/unknown"),
        ({"tills": {"1": "canary"}}, "/config/tills/1"),
    ],
)
def test_the_providers_own_schema_decides_and_no_value_is_repeated(
    api: ApiOnFakes, changes: dict[str, object], pointer: str
) -> None:
    response = _post(api, {"config": CONFIG | changes})

    assert pointers(problem(response, 422, "validation_failed")) == [pointer]
    assert "canary" not in response.text
    assert api.books.database.committed.provider_configs == {}


def test_text_that_nobody_writes_is_refused(api: ApiOnFakes) -> None:
    problem(_post(api, b'{"config": {"base_url": "https://x\\u0000"}}'), 422, "validation_failed")
    problem(_post(api, b'{"config": {"tills": {"a": [["\\ud800"]]}}}'), 422, "validation_failed")


def test_credentials_that_the_provider_refuses_are_not_stored(api: ApiOnFakes) -> None:
    _configured(api)
    before = _stored(api)
    api.provider_answer = lambda _request: httpx2.Response(401)

    response = _post(api, {"config": {"api_key": OTHER_KEY}})

    problem(response, 422, "credentials_refused")
    assert OTHER_KEY not in response.text
    assert _stored(api) == before


def test_the_provider_is_asked_with_the_new_credentials_outside_any_transaction(api: ApiOnFakes) -> None:
    seen: list[tuple[str, int]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append((request.headers["authorization"], api.books.database.open_transactions))
        return httpx2.Response(200)

    api.provider_answer = answer

    assert _configured(api)["credentials"] == "accepted"
    assert seen == [(f"Bearer {KEY}", 0)]


def test_a_provider_that_cannot_be_asked_hinders_nobody(api: ApiOnFakes) -> None:
    api.provider_answer = lambda _request: httpx2.Response(503)

    assert _configured(api)["credentials"] == "unknown"
    assert _secrets(api) == [KEY, SECRET]


def test_an_account_can_be_switched_off_whatever_the_provider_says(api: ApiOnFakes) -> None:
    _configured(api)
    api.provider_answer = lambda _request: httpx2.Response(401)

    answer = _configured(api, config={}, is_active=False)

    assert (answer["is_active"], answer["credentials"]) == (False, "not_checked")
    assert not _stored(api).is_active


def test_a_change_is_audited_by_names_with_who_and_which_account(api: ApiOnFakes) -> None:
    _configured(api)
    _configured(api, config={"api_key": OTHER_KEY})
    _configured(api, config={})
    _configured(api, merchant_id=str(MERCHANT))

    who = api.tokens.verify(api.bearer().removeprefix("Bearer ")).user_id
    assert _changes(api) == [
        ("default", ["api_key", "base_url", "is_active", "webhook_secrets"], str(who)),
        ("default", ["api_key"], str(who)),
        (str(MERCHANT), ["api_key", "base_url", "is_active", "webhook_secrets"], str(who)),
    ]
    assert KEY not in repr(api.books.database.committed.audit_log)
    assert KEY not in repr(api.audited)


def test_of_two_changes_at_once_the_second_is_told_to_look_again(api: ApiOnFakes) -> None:
    _configured(api)

    def meanwhile(_request: httpx2.Request) -> httpx2.Response:
        api.provider_answer = lambda _request: httpx2.Response(200)
        _configured(api, config={"webhook_secrets": [NEW_SECRET]})
        return httpx2.Response(200)

    api.provider_answer = meanwhile

    problem(_post(api, {"config": {"api_key": OTHER_KEY}}), 409, "configuration_changed")
    assert _secrets(api) == [KEY, NEW_SECRET]


def test_of_two_first_configurations_at_once_one_wins_whole(api: ApiOnFakes) -> None:
    def meanwhile(_request: httpx2.Request) -> httpx2.Response:
        api.provider_answer = lambda _request: httpx2.Response(200)
        _configured(api, config=CONFIG | {"api_key": OTHER_KEY})
        return httpx2.Response(200)

    api.provider_answer = meanwhile

    problem(_post(api, {"config": CONFIG}), 409, "configuration_changed")
    assert _secrets(api) == [OTHER_KEY, SECRET]


def test_production_calls_no_provider_in_the_open() -> None:
    api = ApiOnFakes(environment="production", jwt_secret_key="kX9vQ2mT7pL4wR8zB3nC6yF1hJ5dG0sA")

    response = _post(api, {"config": CONFIG | {"base_url": "http://cpay.example/v1"}})

    assert pointers(problem(response, 422, "validation_failed")) == ["/config/base_url"]


def test_a_secret_of_a_lost_key_can_be_given_anew(api: ApiOnFakes) -> None:
    _configured(api)

    def lose(work: UnitOfWork) -> None:
        lost = _with_foreign_key(_stored(api))
        work.provider_configs.save(lost, NOON)

    api.books.do(lose)
    read = api.get("/providers/cpay/config", Authorization=api.bearer("platform_admin"))
    _configured(api, config={"api_key": OTHER_KEY})

    assert read.get_json()["config"]["api_key"] == "unreadable"
    assert _secrets(api) == [OTHER_KEY, SECRET]


def _with_foreign_key(stored: StoredProviderConfig) -> StoredProviderConfig:
    return replace(stored, api_key=Fernet(Fernet.generate_key()).encrypt(b"x").decode())


def test_a_merchants_admin_configures_their_own_account_only(api: ApiOnFakes) -> None:
    _configured(api)
    own = {"merchant_id": str(MERCHANT), "config": {"api_key": OTHER_KEY}}

    assert _post(api, own, "merchant_admin").status_code == 200
    problem(_post(api, own | {"merchant_id": str(OTHER_MERCHANT)}, "merchant_admin"), 403, "not_authorised")
    problem(_post(api, {"config": CONFIG}, "merchant_admin"), 403, "not_authorised")
    bearer = api.bearer("merchant_admin")
    problem(api.get("/providers/cpay/config", Authorization=bearer), 403, "not_authorised")
    assert api.get(f"/providers/cpay/config?merchant_id={MERCHANT}", Authorization=bearer).status_code == 200
    assert _secrets(api, MERCHANT) == [OTHER_KEY]
    assert _secrets(api) == [KEY, SECRET]


def test_a_merchants_account_is_where_the_platforms_is(api: ApiOnFakes) -> None:
    _configured(api)
    own = {"merchant_id": str(MERCHANT), "config": {"api_key": OTHER_KEY}}
    elsewhere = own | {"config": {"api_key": OTHER_KEY, "base_url": "https://169.254.169.254/v1"}}

    response = _post(api, elsewhere, "merchant_admin")
    assert pointers(problem(response, 422, "validation_failed")) == ["/config/base_url"]
    _post(api, own, "merchant_admin")

    assert _stored(api, MERCHANT).config["base_url"] == "https://cpay.example/v1"


@pytest.mark.parametrize(
    ("base_url", "told"),
    [
        ("http://cpay.example/v1", "must start with https://"),
        ("https://127.0.0.1/v1", "must have a public address; 127.0.0.1 is this machine"),
        ("https://[::ffff:10.0.0.1]/v1", "must have a public address"),
        ("https://169.254.169.254/v1", "must have a public address"),
        ("https://2130706433/v1", "must name its server in full"),
        ("https://localhost/v1", "must name its server in full"),
        ("https://redis:6379/v1", "must name its server in full"),
        ("https://cpay.example:6379/v1", "must have a port that is one of 443, 8443"),
        ("https://key:secret@cpay.example/v1", "must have no user name or password"),
        ("https://cpay.example/v1#", "must have no #"),
    ],
)
@pytest.mark.parametrize("merchant_id", [None, str(MERCHANT)])
def test_no_account_sends_credentials_into_our_own_network(
    base_url: str, told: str, merchant_id: str | None, api: ApiOnFakes
) -> None:
    asked: list[httpx2.URL] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url)
        return httpx2.Response(200)

    api.provider_answer = answer

    response = _post(api, {"merchant_id": merchant_id, "config": CONFIG | {"base_url": base_url}})

    refused = problem(response, 422, "validation_failed")
    assert pointers(refused) == ["/config/base_url"]
    assert told in refused["errors"][0]["detail"]
    assert asked == []


def test_a_sandbox_opens_the_networks_of_its_simulators() -> None:
    opened = {"egress_ports": "any", "egress_allow_http": True, "egress_allowed_networks": "127.0.0.0/8"}
    api = ApiOnFakes(environment="sandbox", **opened)

    _configured(api, config=CONFIG | {"base_url": "http://127.0.0.1:8090/cpay/v1"})

    elsewhere = CONFIG | {"base_url": "http://10.0.0.1:8090/cpay/v1"}
    assert pointers(problem(_post(api, {"config": elsewhere}), 422, "validation_failed")) == ["/config/base_url"]


def test_the_tills_of_a_merchants_account_need_no_owner(api: ApiOnFakes) -> None:
    body = {"merchant_id": str(MERCHANT), "config": CONFIG | {"tills": {"1": str(OTHER_MERCHANT)}}}

    assert pointers(problem(_post(api, body), 422, "validation_failed")) == ["/config/tills"]


def test_an_account_of_nobody_is_refused(api: ApiOnFakes) -> None:
    response = _post(api, {"merchant_id": str(UUID(int=7)), "config": CONFIG})

    assert pointers(problem(response, 422, "validation_failed")) == ["/merchant_id"]


@pytest.mark.parametrize(("url", "body"), [(INITIALIZE, ORDER), ("/api/v1/payouts", PAYOUT)])
def test_a_merchant_for_whom_there_is_no_account_can_start_nothing(
    api: ApiOnFakes, url: str, body: dict[str, object]
) -> None:
    api.active_for[OTHER_MERCHANT] = {}

    refused = api.post(url, body, Authorization=api.bearer(merchant_id=OTHER_MERCHANT))

    assert pointers(problem(refused, 422, "validation_failed")) == ["/provider"]
    assert api.post(url, body).status_code == 202


def test_the_list_of_providers_is_about_the_caller(api: ApiOnFakes) -> None:
    api.active_for[OTHER_MERCHANT] = {}

    def active(merchant_id: MerchantId) -> set[str]:
        listed = api.get("/providers", Authorization=api.bearer(merchant_id=merchant_id)).get_json()["data"]
        return {each["name"] for each in listed if each["is_active"]}

    assert (active(MERCHANT), active(OTHER_MERCHANT)) == ({"cpay", "narrow"}, set())


def test_a_provider_is_active_for_a_merchant_with_an_own_account_or_a_default_one() -> None:
    known = {("cpay", None), ("other", MERCHANT)}

    def active(accounts: set[tuple[str, MerchantId | None]]) -> set[str]:
        return set(active_providers(lambda: accounts, MERCHANT))

    assert active(known) == active({("cpay", MERCHANT)}) == {"cpay"}
    assert active({("cpay", OTHER_MERCHANT)}) == set()
