"""A private RabbitMQ node with its own epmd, so that nothing of it is shared with another node of this machine."""

import socket
from pathlib import Path

from deploy.local.accounts import Account, unprivileged_account
from deploy.local.errors import LocalError
from deploy.local.homes import make_home, put
from deploy.local.launch import Program, Started, launch, running
from deploy.local.ports import HOST
from deploy.local.servers.addresses import ServerUrl
from deploy.local.servers.rabbitmq_programs import RabbitmqPrograms, find_or_install
from deploy.local.settings import CHECKOUT
from deploy.local.site import Site
from deploy.local.waiting import wait_until

NAME = "rabbitmq"
EPMD = "rabbitmq-epmd"
DISTRIBUTION = "rabbitmq-distribution"
NODE = "gateway@localhost"
VIRTUAL_HOST = "gateway"
ADVANCED_CONFIG = CHECKOUT / "deploy" / "rabbitmq" / "advanced.config"
EPMD_TIMEOUT_SECONDS = 10.0
# `-noinput` and `+B i` are what the start script adds when it stays the parent (see `_variables`); the rest keeps the
# node off the network, and its idle threads off the processors that our own processes need.
ERLANG_ARGUMENTS = "-noinput +B i -kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"


def address(site: Site) -> ServerUrl:
    """Where the server is."""
    user, password = site.secrets["rabbitmq_user"], site.secrets["rabbitmq_password"]
    return ServerUrl(NAME, f"amqp://{user}:{password}@{HOST}:{site.ports.of(NAME)}/{VIRTUAL_HOST}")


def launch_server(site: Site) -> Started:
    """Start epmd, then the node."""
    programs = find_or_install(site)
    account = unprivileged_account(NAME)
    home = make_home(site.state, NAME, account)
    _start_epmd(site, programs, home, account)
    for name in (NAME, DISTRIBUTION):
        site.ports.claim(name)
    return launch(site.state, Program(NAME, [str(programs.server)], _variables(site, home, account), home, account))


def _start_epmd(site: Site, programs: RabbitmqPrograms, home: Path, account: Account | None) -> None:
    if running(site.state, EPMD) is not None:
        return
    command = [str(programs.epmd), "-port", str(site.ports.claim(EPMD)), "-address", HOST]
    started = launch(site.state, Program(EPMD, command, _base_variables(site, home), home, account))
    if not wait_until(lambda: _listens(site.ports.of(EPMD)), EPMD_TIMEOUT_SECONDS, site.cancelled):
        raise started.failure("epmd does not listen")


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _base_variables(site: Site, home: Path) -> dict[str, str]:
    return {
        "PATH": site.settings.inherited["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(site.ports.of(EPMD)),
        "ERL_EPMD_ADDRESS": HOST,
    }


def _variables(site: Site, home: Path, account: Account | None) -> dict[str, str]:
    """The node's environment; with ALLOW_INPUT the start script becomes the broker, instead of its parent."""
    return _base_variables(site, home) | {
        "RABBITMQ_NODENAME": NODE,
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(site.ports.of(NAME)),
        "RABBITMQ_DIST_PORT": str(site.ports.of(DISTRIBUTION)),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONF_ENV_FILE": str(put(home, "rabbitmq-env.conf", "", account)),
        "RABBITMQ_CONFIG_FILE": str(put(home, "rabbitmq.conf", _configuration(site), account)),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(put(home, "advanced.config", _advanced_config(), account)),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(put(home, "enabled_plugins", "[].\n", account)),
        "RABBITMQ_ALLOW_INPUT": "1",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_ARGUMENTS,
    }


def _configuration(site: Site) -> str:
    lines = (
        f"default_user = {site.secrets['rabbitmq_user']}",
        f"default_pass = {site.secrets['rabbitmq_password']}",
        f"default_vhost = {VIRTUAL_HOST}",
    )
    return "\n".join(lines) + "\n"


def _advanced_config() -> str:
    try:
        return ADVANCED_CONFIG.read_text(encoding="utf-8")
    except OSError as error:
        raise LocalError(f"cannot read {ADVANCED_CONFIG}: {error.strerror}") from None
