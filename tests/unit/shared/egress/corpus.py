"""URLs that nothing may be sent to, each with what its refusal says: ``hostile_urls.json``."""

import json
from pathlib import Path

FILE = Path(__file__).with_name("hostile_urls.json")
LABEL = "a" * 64
NAME = ".".join(["a" * 60] * 4 + ["a" * 10])
LONG = "a" * 2048


def hostile_urls(port: int, own: str) -> list[tuple[str, str]]:
    """Each URL with what is told about it. ``port`` is where the canary listens, ``own`` an address of this machine."""
    filled = {"{port}": str(port), "{own}": own, "{label}": LABEL, "{name}": NAME, "{long}": LONG}
    return [(_filled(url, filled), group["because"]) for group in json.loads(FILE.read_text()) for url in group["urls"]]


def _filled(url: str, values: dict[str, str]) -> str:
    for mark, value in values.items():
        url = url.replace(mark, value)
    return url
