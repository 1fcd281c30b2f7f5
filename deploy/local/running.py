"""Who is running: a process is its pid AND the moment it started, so a reused pid is never mistaken for ours."""

import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from deploy.local.state_folder import read_json, write_json

PROC = Path("/proc")
MARK_VARIABLE = "GATEWAY_LOCAL_SYSTEM"


@dataclass(frozen=True, slots=True)
class Identity:
    """One particular process; of ours also the ``fingerprint`` of its settings and the ``mark`` of its system."""

    pid: int
    started: str
    fingerprint: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the machine's process table."""

    pid: int
    parent: int
    group: int
    session: int
    zombie: bool
    started: str


def identify(pid: int, fingerprint: str = "", mark: str = "") -> Identity | None:
    """The process that has this pid now; None when there is none (or only its remains)."""
    entry = _entry(pid)
    return None if entry is None or entry.zombie else Identity(pid, entry.started, fingerprint, mark)


def is_alive(identity: Identity) -> bool:
    entry = _entry(identity.pid)
    return entry is not None and not entry.zombie and entry.started == identity.started


def is_unburied(pid: int) -> bool:
    """Whether a process with this pid has ended and its parent has not taken note: to ``kill`` it looks alive."""
    entry = _entry(pid)
    return entry is not None and entry.zombie


def write_pid_file(path: Path, identity: Identity) -> None:
    write_json(path, asdict(identity))


def read_pid_file(path: Path) -> Identity | None:
    """Who the file names, alive or not; None when there is no file or it was cut short."""
    try:
        content = read_json(path)
        return Identity(int(content["pid"]), content["started"], content["fingerprint"], content["mark"])
    except (ValueError, KeyError):
        return None


def family(leader: Identity) -> list[Identity]:
    """Everything that descends from a process or lives in its session, itself first if it is alive.

    Of a leader that died its session is left. A pid is not given away while it names a session, so when it belongs to
    another process now, nothing of ours is left; members without a living leader must carry our mark to count.
    """
    table = {entry.pid: entry for entry in process_table()}
    current = table.get(leader.pid)
    if current is not None and current.started != leader.started:
        return []
    members = [pid for pid in _closure(leader.pid, table.values()) if pid in table and not table[pid].zombie]
    ours = members if current is not None else [pid for pid in members if _is_marked(pid, leader.mark)]
    return [Identity(pid, table[pid].started) for pid in ours]


def process_table() -> list[Entry]:
    """Every process of this machine that we may see."""
    if _has_proc():
        entries = [_proc_entry(int(folder.name)) for folder in PROC.iterdir() if folder.name.isdigit()]
        return [entry for entry in entries if entry is not None]
    return _ps_entries(["-A"])


def _closure(leader: int, table: Iterable[Entry]) -> list[int]:
    entries = sorted(table, key=lambda entry: entry.pid)
    members = {leader: None}
    while True:
        more = [entry.pid for entry in entries if entry.pid not in members and _belongs(entry, members)]
        if not more:
            return list(members)
        members.update(dict.fromkeys(more))


def _belongs(entry: Entry, members: dict[int, None]) -> bool:
    return entry.parent in members or entry.group in members or entry.session in members


def _is_marked(pid: int, mark: str) -> bool:
    if not _has_proc():
        return True
    try:
        return f"{MARK_VARIABLE}={mark}".encode() in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


@cache
def _has_proc() -> bool:
    return (PROC / "self" / "stat").exists()


@cache
def _boot() -> str:
    try:
        return (PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()[:8]
    except OSError:
        return "boot"


def _entry(pid: int) -> Entry | None:
    if _has_proc():
        return _proc_entry(pid)
    return next(iter(_ps_entries(["-p", str(pid)])), None)


def _proc_entry(pid: int) -> Entry | None:
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    # The command name stands in parentheses and may itself hold spaces and parentheses.
    fields = stat[stat.rindex(")") + 2 :].split()
    parent, group, session = (int(value) for value in fields[1:4])
    # A killed process whose other threads are still ending looks like a zombie, but has its ports and files open.
    is_zombie = fields[0] in "ZX" and int(fields[17]) <= 1
    return Entry(pid, parent, group, session, is_zombie, f"{_boot()}:{fields[19]}")


def _ps_entries(selection: list[str]) -> list[Entry]:
    command = ["ps", *selection, "-o", "pid=,ppid=,pgid=,stat=,lstart="]
    answer = subprocess.run(
        command, capture_output=True, text=True, env={"PATH": "/bin:/usr/bin", "LC_ALL": "C"}, check=False
    )
    return [_ps_entry(line) for line in answer.stdout.splitlines() if line.strip()]


def _ps_entry(line: str) -> Entry:
    pid, parent, group, stat, started = line.split(None, 4)
    return Entry(int(pid), int(parent), int(group), int(group), stat.startswith("Z"), started.strip())
