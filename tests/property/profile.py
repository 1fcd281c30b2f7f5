"""How hard the properties are tried: the same short run every time, or a long random one."""

import os

from hypothesis import HealthCheck, Phase, settings

# How long an example takes says more of the machine than of the code.
_COMMON = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    database=None,
)


def effort(examples: int, steps: int = 50) -> settings:
    """``examples`` in the suite, always the same; with ``HYPOTHESIS_PROFILE=long`` twenty times as many, at random."""
    if os.environ.get("HYPOTHESIS_PROFILE") == "long":
        return settings(_COMMON, max_examples=examples * 20, stateful_step_count=steps, print_blob=True)
    return settings(_COMMON, max_examples=examples, stateful_step_count=steps, derandomize=True)
