"""The three ways a server can come about (given by URL, Docker, native), and which one is used for each server."""

from collections.abc import Callable, Mapping
from typing import Protocol

from deploy.local.errors import LocalError
from deploy.local.servers import docker, native
from deploy.local.servers.addresses import ServerUrl, why_not_ready
from deploy.local.site import Site
from deploy.local.state_folder import read_json, write_json

OnLaunch = Callable[[str], None]


class ServerKind(Protocol):
    """What can be done with a server of one kind."""

    def start(self, site: Site, name: str, on_launch: OnLaunch, /) -> ServerUrl:
        """Start the server unless it runs; returns once it takes logins."""

    def address(self, site: Site, name: str, /) -> ServerUrl:
        """Where the server is, running or not."""

    def pid(self, site: Site, name: str, /) -> int | None:
        """The server's process, when it runs and is ours."""

    def stop(self, site: Site, name: str, /) -> bool:
        """Stop the server; False when it was not running."""

    def kill(self, site: Site, name: str, /) -> bool:
        """End the server as a crash would; False when it was not running."""

    def forget(self, site: Site, name: str, /) -> None:
        """Delete what the server left outside the state folder and the folder that `clean` removes with it."""


class Native:
    """A private instance started by us."""

    def start(self, site: Site, name: str, on_launch: OnLaunch) -> ServerUrl:
        return native.start_native_server(site, name, on_launch)

    def address(self, site: Site, name: str) -> ServerUrl:
        return native.NATIVE_SERVERS[name].address(site)

    def pid(self, site: Site, name: str) -> int | None:
        identity = native.native_running(site, name)
        return None if identity is None else identity.pid

    def stop(self, site: Site, name: str) -> bool:
        return native.stop_native_server(site, name)

    def kill(self, site: Site, name: str) -> bool:
        return native.kill_native_server(site, name)

    def forget(self, _site: Site, _name: str) -> None:
        pass


class Given:
    """A server that somebody else runs: we log into it, and never start or stop it."""

    def start(self, site: Site, name: str, _on_launch: OnLaunch) -> ServerUrl:
        server = self.address(site, name)
        reason = why_not_ready(server)
        if reason is not None:
            raise LocalError(f"{name} at {server.shown} (given by URL) takes no login: {reason}")
        return server

    def address(self, site: Site, name: str) -> ServerUrl:
        kept = read_json(site.state.choices)
        url = site.settings.given_urls.get(name) or kept.get(f"{name}.url", "")
        owner_url = site.settings.given_owner_url or kept.get(f"{name}.owner_url") or url
        return ServerUrl(name, url, owner_url if name == "postgres" else None)

    def pid(self, _site: Site, _name: str) -> int | None:
        return None

    def stop(self, _site: Site, name: str) -> bool:
        raise LocalError(f"{name} was given by URL; it is not ours to stop")

    def kill(self, site: Site, name: str) -> bool:
        return self.stop(site, name)

    def forget(self, _site: Site, _name: str) -> None:
        pass


KINDS: Mapping[str, ServerKind] = {"native": Native(), "docker": docker.Docker(), "given": Given()}


def chosen_kind(site: Site, name: str) -> str:
    """The kind this system uses for a server, as the last `up` decided; native when there was none."""
    kind = read_json(site.state.choices).get(name, "native")
    return kind if kind in KINDS else "native"


def choose_kind(site: Site, name: str) -> str:
    """Decide the kind for an `up`: a URL, what is forced, native if it was native before, Docker if it really works."""
    if name in site.settings.given_urls:
        return "given"
    if site.settings.forced_kind is not None:
        return site.settings.forced_kind
    before = read_json(site.state.choices).get(name)
    if before == "docker" and KINDS["docker"].pid(site, name) is not None:
        return "docker"
    return "native" if before == "native" or not docker.can_start_server(site, name) else "docker"


def remember_kinds(site: Site, kinds: Mapping[str, str]) -> None:
    """Keep the decisions, and the URLs of the servers that were given, for the commands that come after."""
    content = read_json(site.state.choices) | dict(kinds)
    for name in kinds:
        content.pop(f"{name}.url", None)
        content.pop(f"{name}.owner_url", None)
        if kinds[name] == "given":
            content[f"{name}.url"] = KINDS["given"].address(site, name).url
    if kinds.get("postgres") == "given" and site.settings.given_owner_url:
        content["postgres.owner_url"] = site.settings.given_owner_url
    write_json(site.state.choices, content)
