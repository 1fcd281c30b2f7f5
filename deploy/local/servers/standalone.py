"""One private server without the rest of a system: what integration tests ask for."""

from pathlib import Path

from deploy.local.servers.addresses import ServerUrl
from deploy.local.servers.native import kill_native_server, start_native_server, stop_native_server
from deploy.local.settings import load_settings
from deploy.local.site import Site, open_site
from deploy.local.state_folder import StateFolder


def start_native(server_name: str, state_dir: Path) -> ServerUrl:
    """Start ``postgres``, ``redis`` or ``rabbitmq`` as a private instance in a state folder; ready when this returns.

    Repeating it returns the address of the one that runs. One that was stopped comes back at the same address, with its
    data. When it fails, nothing is left running.

    Raises:
        LocalError: it is not installed, or StartFailed with the end of its log.
    """
    with StateFolder(state_dir.absolute()).lock():
        site = _site(state_dir)
        try:
            return start_native_server(site, server_name)
        except BaseException:
            stop_native_server(site, server_name)
            raise


def stop(server_name: str, state_dir: Path) -> bool:
    """Stop a server that `start_native` started; its data stays. False when it was not running."""
    with StateFolder(state_dir.absolute()).lock():
        return stop_native_server(_site(state_dir), server_name)


def kill(server_name: str, state_dir: Path) -> bool:
    """End a server with SIGKILL, as a crash would; False when it was not running."""
    with StateFolder(state_dir.absolute()).lock():
        return kill_native_server(_site(state_dir), server_name)


def _site(state_dir: Path) -> Site:
    return open_site(load_settings(state_dir=state_dir))
