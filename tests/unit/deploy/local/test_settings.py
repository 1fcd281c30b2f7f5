"""What the caller's environment says, and what of it goes on."""

from pathlib import Path

import pytest

from deploy.local.errors import LocalError
from deploy.local.settings import CHECKOUT, load_settings


def test_the_state_folder_is_in_the_checkout_unless_named() -> None:
    assert load_settings({}).state_dir == CHECKOUT / ".local"
    assert load_settings({"GATEWAY_LOCAL_DIR": "/elsewhere"}).state_dir == Path("/elsewhere")


def test_a_state_folder_given_in_code_wins() -> None:
    assert load_settings({"GATEWAY_LOCAL_DIR": "/elsewhere"}, Path("/here")).state_dir == Path("/here")


def test_only_a_few_variables_are_inherited() -> None:
    caller = {"PATH": "/bin", "LANG": "C", "TZ": "UTC", "JWT_SECRET_KEY": "x", "PYTHONPATH": "/x", "LD_PRELOAD": "/y"}

    assert load_settings(caller).inherited == {"PATH": "/bin", "LANG": "C", "TZ": "UTC"}


def test_servers_given_by_url_are_recognised_each_on_its_own() -> None:
    settings = load_settings({"REDIS_URL": "redis://there", "DATABASE_OWNER_URL": "postgresql://owner", "AMQP_URL": ""})

    assert settings.given_urls == {"redis": "redis://there"}
    assert settings.given_owner_url == "postgresql://owner"


def test_an_unknown_kind_of_servers_is_refused_in_one_line() -> None:
    with pytest.raises(LocalError, match="GATEWAY_SERVERS is 'podman', expected one of: native, docker"):
        load_settings({"GATEWAY_SERVERS": "podman"})


def test_the_simulator_is_slow_enough_to_watch_and_fast_enough_to_wait_unless_told_otherwise() -> None:
    assert load_settings({}).tuning == {
        "SIMULATOR_DELAY_MS": "300",
        "SIMULATOR_TIME_SCALE": "10",
        "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
    }
    assert load_settings({"SIMULATOR_DELAY_MS": "0"}).tuning["SIMULATOR_DELAY_MS"] == "0"


def test_retry_delays_pass_through_only_when_set() -> None:
    assert "RETRY_DELAYS_MS" not in load_settings({}).tuning
    assert load_settings({"RETRY_DELAYS_MS": "1,2"}).tuning["RETRY_DELAYS_MS"] == "1,2"
