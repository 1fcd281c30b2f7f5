"""What the notifier takes for an origin."""

import pytest
from pydantic import ValidationError

from tests.fakes.notifier import notifier_settings

PRODUCTION = {"environment": "production"}


def test_by_default_no_web_page_may_connect() -> None:
    assert notifier_settings().origins == frozenset()


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example",
        "http://127.0.0.1:8080",
        "https://shop.example:8443",
        "capacitor://localhost",
        "http://[::1]",
    ],
)
def test_an_origin_is_written_as_browsers_write_it(origin: str) -> None:
    assert notifier_settings(allowed_origins=f" {origin} ,", **PRODUCTION).origins == {origin}


@pytest.mark.parametrize(
    "origin",
    ["shop.example", "https://shop.example/", "https://Shop.example", "https://*.shop.example", "null", "https://"],
)
def test_what_no_browser_would_send_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError, match="ALLOWED_ORIGINS"):
        notifier_settings(allowed_origins=origin)


def test_production_does_not_let_every_web_page_connect() -> None:
    assert notifier_settings(allowed_origins="*").origins == {"*"}
    with pytest.raises(ValidationError, match="ALLOWED_ORIGINS"):
        notifier_settings(allowed_origins="https://shop.example,*", **PRODUCTION)
