"""How a sandbox plays a provider: credentials that both sides derive, so that nobody has to configure anything."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSite:
    """One sandbox. ``simulator_url`` is where our workers find the simulators, ``callbacks_url`` where the simulators
    find our callbacks (a provider's name follows). ``delay_ms``: how long a customer takes; ``time_scale``: how much
    faster the simulators' schedules run than the real ones.
    """

    secret: str
    simulator_url: str
    callbacks_url: str
    delay_ms: int = 300
    time_scale: float = 10

    def key(self, *names: str) -> bytes:
        """32 bytes that are the same wherever this sandbox's secret is known, and different for each name."""
        return hmac.digest(self.secret.encode(), "/".join(names).encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxProvider:
    """What one provider is told in a sandbox: its simulator's settings, and the default account's configuration.

    What customers pay at one of ``tills`` is the sandbox's merchant's.
    """

    simulator: Mapping[str, str]
    config: Mapping[str, object] = field(default_factory=dict)
    tills: tuple[str, ...] = ()
