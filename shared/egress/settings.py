"""What a process that sends to addresses of strangers' is told."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import BeforeValidator, model_validator
from pydantic_settings import NoDecode

from shared.egress.policy import USUAL_PORTS, EgressPolicy, Network
from shared.runtime.settings import ProcessSettings

ANY_PORT = "any"

# ``443,8443`` and ``10.0.0.0/8,fd00::/8`` in the environment.
Ports = Annotated[frozenset[int], NoDecode, BeforeValidator(lambda given: _ports(given))]  # noqa: PLW0108 - defined below
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(lambda given: _networks(given))]  # noqa: PLW0108


class EgressSettings(ProcessSettings):
    """``egress_ports``: those that a URL may name, or ``any``. The others are as in ``EgressPolicy``."""

    egress_ports: Ports = USUAL_PORTS
    egress_allow_http: bool = False
    egress_allowed_networks: Networks = ()
    egress_denied_networks: Networks = ()

    @property
    def egress_policy(self) -> EgressPolicy:
        return EgressPolicy(
            ports=self.egress_ports,
            allow_http=self.egress_allow_http,
            allowed_networks=self.egress_allowed_networks,
            denied_networks=self.egress_denied_networks,
        )

    @model_validator(mode="after")
    def _refuse_http_in_production(self) -> "EgressSettings":
        if self.is_production and self.egress_allow_http:
            raise ValueError("EGRESS_ALLOW_HTTP is for the sandbox; production sends over https:// only")
        return self


def _ports(given: object) -> object:
    if not isinstance(given, str):
        return given
    if given.strip() == ANY_PORT:
        return frozenset()
    parts = [part.strip() for part in given.split(",")]
    numbers = frozenset(int(part) for part in parts if part.isascii() and part.isdecimal())
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
