"""Finding and installing RabbitMQ without starting a service of this machine."""

import os
import stat
from pathlib import Path

import pytest

from deploy.local.errors import LocalError
from deploy.local.servers import rabbitmq_programs
from deploy.local.servers.rabbitmq_programs import find, find_or_install
from deploy.local.settings import load_settings
from deploy.local.site import Site, open_site

APT_GET = """#!/bin/sh
echo "$@" >> {calls}
ls -l {policy} >> {calls} 2>&1
{then}
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without RabbitMQ: an empty folder of programs, and no policy."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(rabbitmq_programs, "DEBIAN_SERVER", folder / "rabbitmq-server")
    monkeypatch.setattr(rabbitmq_programs, "OTHER_FOLDERS", "")
    monkeypatch.setattr(rabbitmq_programs, "ERLANG_TREES", ())
    monkeypatch.setattr(rabbitmq_programs, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return folder


@pytest.fixture
def site(tmp_path: Path, programs: Path) -> Site:
    return open_site(load_settings({"PATH": f"{programs}:/bin"}, tmp_path / "local"))


def add_program(folder: Path, name: str, text: str = "#!/bin/sh\n") -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def add_apt_get(programs: Path, then: str) -> Path:
    calls = programs.parent / "calls"
    policy = programs.parent / "policy-rc.d"
    add_program(programs, "apt-get", APT_GET.format(calls=calls, policy=policy, then=then))
    return calls


def installing(programs: Path) -> str:
    return f"for p in rabbitmq-server epmd; do printf '#!/bin/sh\\n' > {programs}/$p; chmod 755 {programs}/$p; done"


def test_installed_programs_are_found(programs: Path) -> None:
    add_program(programs, "rabbitmq-server")
    add_program(programs, "epmd")

    found = find(f"{programs}")

    assert found is not None
    assert (found.server.name, found.epmd.name) == ("rabbitmq-server", "epmd")


def test_root_on_debian_gets_it_installed_with_services_forbidden(site: Site, programs: Path) -> None:
    calls = add_apt_get(programs, installing(programs))

    find_or_install(site)

    log = calls.read_text()
    assert "install -y --no-install-recommends rabbitmq-server" in log
    assert "-rwxr-xr-x" in log  # the policy stood there while apt-get ran
    assert not rabbitmq_programs.POLICY.exists()


def test_the_policy_of_the_machine_stays_as_it_is(site: Site, programs: Path) -> None:
    add_apt_get(programs, installing(programs))
    rabbitmq_programs.POLICY.write_text("the machine's own")

    find_or_install(site)

    assert rabbitmq_programs.POLICY.read_text() == "the machine's own"


def test_the_lists_of_packages_are_updated_when_the_first_try_fails(site: Site, programs: Path) -> None:
    updated = programs.parent / "updated"
    then = f'case "$*" in *update) touch {updated};; *) test -e {updated} || exit 100; {installing(programs)};; esac'
    calls = add_apt_get(programs, then)

    find_or_install(site)

    assert [line.split()[-1] for line in calls.read_text().splitlines()[::2]] == [
        "rabbitmq-server",
        "update",
        "rabbitmq-server",
    ]


def test_a_failed_installation_is_one_line_and_leaves_no_policy(site: Site, programs: Path) -> None:
    add_apt_get(programs, "echo E: no such mirror; exit 100")

    with pytest.raises(LocalError, match=r"^apt-get install rabbitmq-server failed: E: no such mirror$"):
        find_or_install(site)

    assert not rabbitmq_programs.POLICY.exists()


def test_an_ordinary_user_is_told_what_to_install(site: Site, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = add_apt_get(programs, installing(programs))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(LocalError, match=r"^RabbitMQ is missing; install it"):
        find_or_install(site)

    assert not calls.exists()


def test_a_policy_that_was_written_can_be_executed(programs: Path) -> None:
    with rabbitmq_programs._services_forbidden():
        mode = stat.S_IMODE(rabbitmq_programs.POLICY.stat().st_mode)

    assert mode & 0o111
