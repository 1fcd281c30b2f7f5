"""What starting anything needs to know about the local system it starts in."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deploy.local.credentials import load_secrets
from deploy.local.ports import Ports
from deploy.local.settings import LocalSettings
from deploy.local.state_folder import StateFolder


def _silent(_message: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Site:
    """One local system while a command works on it; ``cancelled`` is set when the command is being undone."""

    settings: LocalSettings
    state: StateFolder
    ports: Ports
    secrets: Mapping[str, str]
    report: Callable[[str], None] = _silent
    cancelled: threading.Event = field(default_factory=threading.Event)


def open_site(settings: LocalSettings, report: Callable[[str], None] = _silent) -> Site:
    """Open (and if needed create) the system of these settings; call it while holding the folder's lock."""
    state = StateFolder(settings.state_dir).create()
    return Site(settings, state, Ports(state), load_secrets(state), report)
