"""Where the running system is, and who may use it: read from the file that ``make up`` writes."""

from dataclasses import dataclass, field
from pathlib import Path

_NEEDED = ("API_URL", "WS_URL", "API_KEY_ID", "API_KEY_SECRET")


class DemoFailed(Exception):
    """A step did not happen; the message says which, and where to look."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base URLs without a path, and one API key.

    ``operators_file``: where ``payctl`` finds the system's servers; ``None`` where they cannot be reached from here.
    """

    api_url: str
    ws_url: str
    api_key_id: str
    api_key_secret: str = field(repr=False)
    simulator_url: str = ""
    operators_file: Path | None = None


def read_endpoints(env_file: Path) -> Endpoints:
    """Raises ``DemoFailed`` if the file is not there, or lacks something."""
    if not env_file.is_file():
        raise DemoFailed(f"{env_file} is not there: start the system first (make up)")
    lines = (line.partition("=") for line in env_file.read_text().splitlines() if "=" in line and line[0] != "#")
    values = {name.strip(): value.strip() for name, _, value in lines}
    missing = [name for name in _NEEDED if not values.get(name)]
    if missing:
        raise DemoFailed(f"{env_file} lacks {', '.join(missing)}")
    return Endpoints(
        values["API_URL"],
        values["WS_URL"],
        values["API_KEY_ID"],
        values["API_KEY_SECRET"],
        simulator_url=values.get("SIMULATOR_URL", ""),
        operators_file=env_file.absolute() if "DATABASE_URL" in values else None,
    )
