"""What a process that sends to addresses of strangers' is told."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import BeforeValidator, model_validator
from pydantic_settings import NoDecode

from shared.egress.policy import EgressPolicy, Network
from shared.runtime.settings import ProcessSettings

ANY_PORT = "any"

# This machine, and what a cloud tells the machines that it lends, credentials among it.
NEVER_IN_PRODUCTION: tuple[Network, ...] = tuple(
    map(ip_network, ("127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10"))
)

# ``443,8443`` and ``10.0.0.0/8,fd00::/8`` in the environment.
Ports = Annotated[tuple[int, ...], NoDecode, BeforeValidator(lambda given: _ports(given))]  # noqa: PLW0108 - defined below
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(lambda given: _networks(given))]  # noqa: PLW0108


class EgressSettings(ProcessSettings):
    """``egress_ports``: those that a URL may name, or ``any``. The others are as in ``EgressPolicy``."""

    egress_ports: Ports = (443, 8443)
    egress_allow_http: bool = False
    egress_allowed_networks: Networks = ()
    egress_denied_networks: Networks = ()

    @property
    def egress_policy(self) -> EgressPolicy:
        return EgressPolicy(
            ports=frozenset(self.egress_ports),
            allow_http=self.egress_allow_http,
            allowed_networks=self.egress_allowed_networks,
            denied_networks=self.egress_denied_networks,
        )

    @model_validator(mode="after")
    def _refuse_what_only_a_sandbox_opens(self) -> "EgressSettings":
        if self.is_production and self.egress_allow_http:
            raise ValueError("EGRESS_ALLOW_HTTP is for the sandbox; production sends over https:// only")
        opened = [str(network) for network in self.egress_allowed_networks if _has_this_machine(network)]
        if self.is_production and opened:
            raise ValueError(f"EGRESS_ALLOWED_NETWORKS: {', '.join(opened)}: this machine is open in a sandbox only")
        return self


def _has_this_machine(network: Network) -> bool:
    return any(own.version == network.version and own.overlaps(network) for own in NEVER_IN_PRODUCTION)


def _ports(given: object) -> object:
    if not isinstance(given, str):
        return given
    if given.strip() == ANY_PORT:
        return ()
    parts = [part.strip() for part in given.split(",")]
    numbers = tuple(int(part) for part in parts if part.isascii() and part.isdecimal())
    if not numbers or len(numbers) != len(parts) or not all(1 <= number <= 65_535 for number in numbers):
        raise ValueError(f"must be ports separated by commas, such as 443,8443, or the word {ANY_PORT}")
    return numbers


def _networks(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return tuple(ip_network(part.strip()) for part in given.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be networks separated by commas, such as 10.0.0.0/8,fd00::/8") from None
