"""What ``payctl sim scenarios`` tells is what the README tells."""

import re
from pathlib import Path

from shared.providers.stripe.simulator.control import CONTROL

README = Path(__file__).parents[2] / "simulator" / "README.md"


def test_the_scenarios_are_told_as_in_the_readme() -> None:
    rows = re.findall(r"^\| (\d{4}) \| `(\w+)` \| (.*) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)

    told = [(each.digits, each.name, each.what_happens) for each in CONTROL.scenarios]

    assert told == [(digits, name, what.replace("`", "")) for digits, name, what in rows]
