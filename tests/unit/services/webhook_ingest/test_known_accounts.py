"""What was read last is believed while the database is away, and for no longer than it may be."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from cryptography.fernet import Fernet

from services.webhook_ingest.account_reader import AccountReader
from services.webhook_ingest.kept_accounts import NAME, KeptAccounts
from services.webhook_ingest.known_accounts import KnownAccounts
from shared.application.provider_secrets import sealed
from shared.persistence.errors import StorageUnavailable
from shared.provider_kit.plugin import ProviderTools
from shared.provider_kit.registry import discover_providers
from shared.provider_kit.sandbox import SandboxSite
from shared.provider_kit.tokens import LocalTokens
from shared.providers.cpay.sandbox import cpay_sandbox
from shared.runtime.crypto import CredentialCipher
from tests.fakes.books import Books
from tests.fakes.clock import FakeClock
from tests.fakes.ingest import KEY
from tests.fakes.makers import an_account

LONGEST_SECONDS = 60


class Site:
    """A machine with webhook_ingest on it, and a database beside."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.books, self.clock = folder, Books(), FakeClock()
        self.cipher = CredentialCipher((KEY,))
        self.save(is_active=True)

    def save(self, *, is_active: bool) -> None:
        """CPay's default account, as the sandbox has it."""
        fields = cpay_sandbox(SandboxSite(secret="s", simulator_url="http://x", callbacks_url="http://x")).config
        config = discover_providers()["cpay"].config_model.model_validate(fields)
        account = sealed(an_account(is_active=is_active), config, self.cipher)
        self.books.do(lambda work: work.provider_configs.save(account, self.clock.now()))

    def started(self, key: str = KEY) -> KnownAccounts:
        """A process that has started, and tried to read the accounts."""
        cipher = CredentialCipher((key,))
        kept = KeptAccounts(self.folder, cipher, self.clock)
        tools = ProviderTools(client=httpx2.Client(), clock=self.clock, tokens=LocalTokens(self.clock))
        reader = AccountReader(discover_providers(), self.books.unit_of_work, cipher, tools, kept)
        known = KnownAccounts(reader, LONGEST_SECONDS, self.clock)
        refresh(known)
        return known


def refresh(known: KnownAccounts) -> bool:
    try:
        known.refresh()
    except StorageUnavailable:
        return False
    return True


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "spool")


def _knows(known: KnownAccounts) -> bool:
    try:
        return known.find("cpay") is not None
    except StorageUnavailable:
        return False


def test_what_is_not_there_is_not_found(site: Site) -> None:
    known = site.started()

    assert _knows(known)
    assert known.find("nobody") is None


def test_where_nothing_was_ever_read_nobody_knows(site: Site) -> None:
    site.books.database.is_away = True

    with pytest.raises(StorageUnavailable):
        site.started().find("cpay")


def test_what_was_switched_off_is_not_found_after_the_next_reading(site: Site) -> None:
    known = site.started()
    site.save(is_active=False)
    assert _knows(known)

    refresh(known)

    assert known.find("cpay") is None


@pytest.mark.parametrize(("seconds", "is_known"), [(LONGEST_SECONDS, True), (LONGEST_SECONDS + 1, False)])
@pytest.mark.parametrize("same_process", [True, False])
def test_while_the_database_is_away_the_last_reading_counts_for_a_while(
    site: Site, same_process: bool, seconds: int, is_known: bool
) -> None:
    known = site.started()
    site.books.database.is_away = True
    site.clock.advance(seconds)

    assert _knows(known if same_process else site.started()) is is_known
    assert not refresh(known)
    assert _knows(known) is is_known


def test_a_process_that_started_without_the_database_learns_when_it_is_back(site: Site) -> None:
    site.started()
    site.books.database.is_away = True
    known = site.started()
    site.clock.advance(LONGEST_SECONDS + 1)
    site.books.database.is_away = False

    assert not _knows(known)
    assert refresh(known)
    assert _knows(known)


def _forged(path: Path) -> None:
    path.write_text(CredentialCipher((Fernet.generate_key().decode(),)).encrypt('{"accounts": []}'))


def _cut_off(path: Path) -> None:
    path.write_text(path.read_text()[:-10])


@pytest.mark.parametrize("spoil", [_forged, _cut_off, Path.unlink])
def test_accounts_on_the_disk_that_we_did_not_write_are_not_believed(site: Site, spoil: Callable[[Path], None]) -> None:
    site.started()
    site.books.database.is_away = True
    spoil(site.folder / NAME)

    assert not _knows(site.started())


def test_no_secret_stands_readable_on_the_disk(site: Site) -> None:
    site.started()

    assert (site.folder / NAME).stat().st_mode & 0o777 == 0o600
    assert "cpay" not in (site.folder / NAME).read_text()


def test_without_a_disk_what_is_in_memory_counts(site: Site) -> None:
    site.folder.write_text("in the way")

    known = site.started()
    site.books.database.is_away = True
    refresh(known)

    assert _knows(known)
