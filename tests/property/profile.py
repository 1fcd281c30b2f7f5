"""How hard the properties are tried: the same short run every time, or a long random one.

``HYPOTHESIS_PROFILE``: ``long`` tries twenty times as many examples at random; ``first`` stops at the first failure.
"""

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
    """``examples`` in the suite, always the same, unless the profile says otherwise."""
    profile = os.environ.get("HYPOTHESIS_PROFILE")
    if profile == "long":
        return settings(_COMMON, max_examples=examples * 20, stateful_step_count=steps, print_blob=True)
    always_the_same = settings(_COMMON, max_examples=examples, stateful_step_count=steps, derandomize=True)
    return settings(always_the_same, phases=(Phase.explicit, Phase.generate)) if profile == "first" else always_the_same
