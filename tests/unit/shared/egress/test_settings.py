"""What a process that sends out is told by its environment."""

from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from shared.egress.policy import EgressPolicy
from shared.egress.settings import EgressSettings


def settings_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> EgressSettings:
    for name, value in {"HEALTH_PORT": "9000", **variables}.items():
        monkeypatch.setenv(name, value)
    return EgressSettings()


def test_nothing_private_is_open_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(monkeypatch).egress_policy == EgressPolicy()


def test_the_environment_opens_ports_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(
        monkeypatch,
        EGRESS_PORTS="443, 9443",
        EGRESS_ALLOWED_NETWORKS="10.0.0.0/8, fd00::/8",
        EGRESS_DENIED_NETWORKS="8.8.8.8",
    )

    assert settings.egress_policy == EgressPolicy(
        ports=frozenset({443, 9443}),
        allowed_networks=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
        denied_networks=(ip_network("8.8.8.8/32"),),
    )


def test_any_port_is_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(monkeypatch, EGRESS_PORTS="any").egress_policy.ports == frozenset()


def test_an_empty_list_of_networks_opens_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(monkeypatch, EGRESS_ALLOWED_NETWORKS="").egress_allowed_networks == ()


@pytest.mark.parametrize("ports", ["", "0", "65536", "-1", "443,", "443;8443", "https", "any,443", "٤٤٣"])
def test_what_is_no_list_of_ports_stops_the_process(ports: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="must be ports separated by commas"):
        settings_of(monkeypatch, EGRESS_PORTS=ports)


@pytest.mark.parametrize("networks", ["10.0.0.1/8", "localhost", "10.0.0.0/8;::1", "10.0.0.0/33"])
def test_what_is_no_list_of_networks_stops_the_process(networks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="must be networks separated by commas"):
        settings_of(monkeypatch, EGRESS_ALLOWED_NETWORKS=networks)


def test_production_sends_nothing_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="EGRESS_ALLOW_HTTP is for the sandbox"):
        settings_of(monkeypatch, EGRESS_ALLOW_HTTP="true")

    assert settings_of(monkeypatch, EGRESS_ALLOW_HTTP="true", ENVIRONMENT="sandbox").egress_policy.allow_http


@pytest.mark.parametrize(
    "networks", ["127.0.0.0/8", "10.0.0.0/8,127.0.0.1", "0.0.0.0/0", "::1", "::/0", "169.254.169.254"]
)
def test_production_does_not_open_the_machine_that_it_runs_on(networks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="this machine is open in a sandbox only"):
        settings_of(monkeypatch, EGRESS_ALLOWED_NETWORKS=networks)

    assert settings_of(monkeypatch, EGRESS_ALLOWED_NETWORKS=networks, ENVIRONMENT="sandbox").egress_allowed_networks


def test_production_may_open_networks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(monkeypatch, EGRESS_ALLOWED_NETWORKS="10.20.0.0/16")

    assert settings.egress_policy.allowed_networks == (ip_network("10.20.0.0/16"),)
