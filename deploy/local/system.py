"""One whole local system: its servers and our processes, started, stopped and asked about together."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from deploy.local.bring_up import BringUp, make_room, undone_on_failure
from deploy.local.environment import declared_variables, facts, read_gateway_env, remember_tuning, write_gateway_env
from deploy.local.errors import LocalError
from deploy.local.homes import remove_homes
from deploy.local.launch import running
from deploy.local.own_processes import run_to_end
from deploy.local.processes import PREPARE, ProcessSpec, our_processes
from deploy.local.servers.addresses import SERVER_NAMES
from deploy.local.servers.kinds import KINDS, choose_kind, chosen_kind, remember_kinds
from deploy.local.settings import LocalSettings, load_settings
from deploy.local.site import Site, open_site
from deploy.local.state_folder import StateFolder
from deploy.local.stopping import kill_program, stop_program
from deploy.local.take_down import started_processes, stop_everything
from deploy.local.waiting import in_parallel
from shared.provider_kit.registry import discover_providers


class LocalSystem:
    """A private gateway in one state folder; several of them run side by side.

    ``settings`` default to the environment's, ``processes`` and ``prepare`` to the product's; tests inject others.
    Every method that changes something holds the folder's lock, raises `LocalError` with one line, and may be repeated.

        system = LocalSystem(tmp_path / "local")
        system.up(only=["postgres"])          # or up(): everything
        system.environment()["DATABASE_URL"]
        system.stop("postgres", kill=True)
        system.start("postgres")              # at the same address
        system.clean()
    """

    def __init__(
        self,
        state_dir: Path | None = None,
        *,
        settings: LocalSettings | None = None,
        processes: Sequence[ProcessSpec] | None = None,
        prepare: ProcessSpec | None = PREPARE,
        report: Callable[[str], None] = lambda _message: None,
    ) -> None:
        self.settings = settings or load_settings(state_dir=state_dir)
        self.state = StateFolder(self.settings.state_dir)
        chosen = self.settings.providers or discover_providers()
        specs = our_processes(chosen) if processes is None else processes
        self._processes = {spec.name: spec for spec in specs}
        self._prepare = prepare
        self._report = report

    @property
    def names(self) -> list[str]:
        """Every server and process this system can have."""
        return [*SERVER_NAMES, *self._processes]

    @property
    def specs(self) -> list[ProcessSpec]:
        """Its processes."""
        return list(self._processes.values())

    def up(self, only: Iterable[str] | None = None) -> None:
        """Start what does not run: everything, or only the named servers and processes.

        A process brings all servers and the preparation with it. When this fails or is interrupted, whatever it started
        is stopped again.
        """
        wanted = self.names if only is None else [self._known(name) for name in only]
        specs = [self._processes[name] for name in wanted if name in self._processes]
        servers = SERVER_NAMES if specs else tuple(name for name in SERVER_NAMES if name in wanted)
        with self.state.lock(self._say_busy):
            site = self._open()
            with undone_on_failure(site) as run:
                self._bring_up(site, run, servers, specs)

    def down(self) -> None:
        """Stop everything this system started; its data stays."""
        if not self.state.path.exists():
            return
        with self.state.lock(self._say_busy):
            self._take_down(self._open())

    def clean(self) -> None:
        """Stop everything and delete all data, also what stands outside the state folder."""
        if not self.state.path.exists():
            return
        with self.state.lock(self._say_busy):
            site = self._open()
            self._take_down(site)
            for name in SERVER_NAMES:
                KINDS[chosen_kind(site, name)].forget(site, name)
            remove_homes(self.state)

    def start(self, name: str) -> None:
        """Start one server or process of a system that has been up, and wait until it is ready."""
        self._known(name)
        with self.state.lock(self._say_busy):
            site = self._open()
            with undone_on_failure(site) as run:
                self._start_one(site, run, name)

    def stop(self, name: str, *, kill: bool = False) -> bool:
        """Stop one server or process, or end it with SIGKILL as a crash would; False when it was not running."""
        self._known(name)
        with self.state.lock(self._say_busy):
            if name in self._processes:
                return kill_program(self.state, name) if kill else stop_program(self.state, name)
            site = self._open()
            kind = KINDS[chosen_kind(site, name)]
            return kind.kill(site, name) if kill else kind.stop(site, name)

    def restart(self, name: str) -> None:
        """Stop one server or process and start it again."""
        self.stop(name)
        self.start(name)

    def pid(self, name: str) -> int | None:
        """The pid of a running server or process; None when it does not run or is not ours."""
        self._known(name)
        if name in self._processes:
            identity = running(self.state, name)
            return None if identity is None else identity.pid
        site = self._open()
        return KINDS[chosen_kind(site, name)].pid(site, name)

    def environment(self) -> dict[str, str]:
        """What `gateway.env` says: addresses and credentials for a client of this system."""
        try:
            return read_gateway_env(self.state.gateway_env.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LocalError(f"nothing was started in {self.state.path} yet; `make up` does") from None

    def variables(self, name: str) -> dict[str, str]:
        """The whole environment that a process of a system that has been up is started with; its ports are chosen.

        For whoever starts the process in another way, to have it die where a proof wants it to.
        """
        self._known(name)
        spec = self._processes[name]
        with self.state.lock(self._say_busy):
            site = self._open()
            make_room(site, [spec])
            return {**site.settings.inherited, **declared_variables(site, spec, self._facts(site))}

    def _bring_up(self, site: Site, run: BringUp, servers: Sequence[str], specs: Sequence[ProcessSpec]) -> None:
        kinds = dict(zip(servers, in_parallel([_chooser(site, name) for name in servers], site.cancelled), strict=True))
        remember_kinds(site, kinds)
        remember_tuning(site)
        run.start_servers(kinds)
        remember_kinds(site, run.servers)
        make_room(site, specs)
        known = self._facts(site)
        write_gateway_env(site, known)
        if specs:
            self._run_prepare(site, known)
        run.start_processes(specs, known)

    def _run_prepare(self, site: Site, known: Mapping[str, str]) -> None:
        if self._prepare is not None:
            began = time.monotonic()
            run_to_end(site, self._prepare, known)
            self._report(f"{self._prepare.name}: done after {time.monotonic() - began:.1f} s")

    def _start_one(self, site: Site, run: BringUp, name: str) -> None:
        if name in self._processes:
            self.environment()
            make_room(site, [self._processes[name]])
            run.start_processes([self._processes[name]], self._facts(site))
        else:
            run.start_servers({name: chosen_kind(site, name)})
        write_gateway_env(site, self._facts(site))

    def _take_down(self, site: Site) -> None:
        kinds = {name: chosen_kind(site, name) for name in SERVER_NAMES}
        ours = {name: kind for name, kind in kinds.items() if kind != "given"}
        stop_everything(site, started_processes(self.state), ours)

    def _facts(self, site: Site) -> Mapping[str, str]:
        return facts(site, {name: KINDS[chosen_kind(site, name)].address(site, name) for name in SERVER_NAMES})

    def _open(self) -> Site:
        return open_site(self.settings, self._report)

    def _known(self, name: str) -> str:
        if name not in self.names:
            raise LocalError(f"there is no {name!r} here; expected one of: {', '.join(self.names)}")
        return name

    def _say_busy(self) -> None:
        self._report("another command works on this system; waiting for it")


def _chooser(site: Site, name: str) -> Callable[[], str]:
    return lambda: choose_kind(site, name)
