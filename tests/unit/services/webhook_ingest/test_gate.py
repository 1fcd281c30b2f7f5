"""The gate turns away whoever would be told 429 anyway, and nobody else; it takes nobody's turn."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from services.webhook_ingest.gate import TOO_MANY_STRANGERS, Gate
from services.webhook_ingest.known_accounts import OpenProvider
from shared.persistence.errors import StorageUnavailable
from tests.fakes.ingest import GENUINE, URL, Ingest

STRANGER = "127.0.0.1"  # who Flask's own client is


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    return Ingest(tmp_path)


def _gate(ingest: Ingest) -> Gate:
    active = OpenProvider("cpay", ingest.accounts)
    return Gate({"cpay": active, "neutral": active}.get, ingest.admission)


def _forge(ingest: Ingest, times: int) -> list[int]:
    return [ingest.post(headers=GENUINE | {"Signature": "forged"}).status_code for _ in range(times)]


def test_the_gate_says_no_exactly_when_the_receiver_would(ingest: Ingest) -> None:
    gate = _gate(ingest)

    for _ in range(40):
        is_turned_away = gate.refusal(URL, STRANGER) is TOO_MANY_STRANGERS
        assert _forge(ingest, 1) == [429 if is_turned_away else 401]
    assert gate.refusal(URL, STRANGER) is TOO_MANY_STRANGERS


def test_asking_takes_nobodys_turn(ingest: Ingest) -> None:
    gate = _gate(ingest)
    _forge(ingest, 1)

    assert [gate.refusal(URL, STRANGER) for _ in range(1000)] == [None] * 1000
    assert _forge(ingest, 25) == [401] * 24 + [429]


def test_a_turn_comes_back_with_time(ingest: Ingest) -> None:
    gate = _gate(ingest)
    _forge(ingest, 40)

    ingest.seconds += 1

    assert gate.refusal(URL, STRANGER) is None


def test_who_has_brought_a_genuine_callback_passes_whatever_else_it_brings(ingest: Ingest) -> None:
    gate = _gate(ingest)
    _forge(ingest, 24)
    ingest.post()

    assert set(_forge(ingest, 100)) == {401}
    assert gate.refusal(URL, STRANGER) is None


def test_a_stranger_who_is_new_passes_while_others_flood(ingest: Ingest) -> None:
    gate = _gate(ingest)
    _forge(ingest, 40)

    assert gate.refusal(URL, "192.0.2.9") is None


@pytest.mark.parametrize("path", ["neutral/stk/1", "neutral", "cpay/"])
def test_all_addresses_of_a_provider_are_one(ingest: Ingest, path: str) -> None:
    gate = _gate(ingest)
    _forge(ingest, 40)

    assert gate.refusal(f"/api/v1/webhooks/{path}", STRANGER) is TOO_MANY_STRANGERS


@pytest.mark.parametrize("path", ["/api/v1/webhooks/nobody", "/api/v1/webhooks/", "/", "/health"])
def test_what_is_for_no_provider_is_left_to_the_routes(ingest: Ingest, path: str) -> None:
    _forge(ingest, 40)

    assert _gate(ingest).refusal(path, STRANGER) is None


def test_where_nobody_knows_whose_signatures_are_good_the_gate_is_open(ingest: Ingest) -> None:
    def unknown(_name: str) -> None:
        raise StorageUnavailable("nobody knows")

    assert Gate(unknown, ingest.admission).refusal(URL, STRANGER) is None


def test_who_is_turned_away_is_counted(ingest: Ingest) -> None:
    gate, labels = _gate(ingest), {"provider": "cpay", "verdict": "throttled"}
    _forge(ingest, 40)
    before = REGISTRY.get_sample_value("gateway_webhooks_received_total", labels) or 0.0

    gate.refusal(URL, STRANGER)

    assert REGISTRY.get_sample_value("gateway_webhooks_received_total", labels) == before + 1
