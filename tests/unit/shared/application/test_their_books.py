"""What is known of a provider's books before they are read."""

from datetime import timedelta

from shared.application.their_books import SKEW, TheirBooks, Window, their_books
from shared.provider_kit.provider import STATEMENT_KINDS
from shared.provider_kit.registry import discover_providers
from tests.fakes.clock import NOON
from tests.fakes.provider import ScriptedProvider
from tests.fakes.statements import ScriptedBooks

HOUR = timedelta(hours=1)


class ProviderWithBooks(ScriptedProvider, ScriptedBooks):
    """A provider that gives statements."""


def test_a_statement_covers_what_the_plugin_says_and_as_far_back() -> None:
    plugins, provider = discover_providers(), ProviderWithBooks()

    found = [their_books(plugins[name], provider) for name in ("cpay", "mpesa")]

    facts = [(each.provider, each.kinds, each.reach) for each in found if each is not None]
    assert facts == [("cpay", STATEMENT_KINDS, None), ("mpesa", frozenset({"payment"}), 48 * HOUR)]


def test_a_provider_without_statements_has_no_books() -> None:
    assert their_books(discover_providers()["cpay"], ScriptedProvider()) is None


def test_what_they_may_have_forgotten_by_their_clock_is_not_asked_about() -> None:
    books = TheirBooks(provider="mpesa", statements=ScriptedBooks(), reach=48 * HOUR)
    window = Window(since=NOON - 72 * HOUR, until=NOON)

    askable = [books.askable(window, NOON + hours * HOUR) for hours in (0, 24, 48)]

    assert [each.since for each in askable] == [NOON + hours * HOUR + SKEW for hours in (-48, -24, 0)]
    assert [each.is_empty for each in askable] == [False, False, True]


def test_a_window_within_their_reach_stays_as_it_is() -> None:
    books = TheirBooks(provider="mpesa", statements=ScriptedBooks(), reach=48 * HOUR)
    window = Window(since=NOON - 24 * HOUR, until=NOON)

    assert books.askable(window, NOON) == window
