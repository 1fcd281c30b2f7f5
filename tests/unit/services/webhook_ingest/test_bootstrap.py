"""What webhook_ingest refuses to start with."""

import pytest

from services.webhook_ingest.bootstrap import check_sources
from services.webhook_ingest.settings import IngestSettings
from shared.domain.errors import Misconfigured


def test_sources_of_a_provider_that_there_is_not_are_refused() -> None:
    settings = IngestSettings.model_construct(callback_sources="stripe=3.18.12.63;strpie=192.0.2.1")

    with pytest.raises(Misconfigured, match="CALLBACK_SOURCES: there is no provider strpie; there are: cpay, "):
        check_sources(settings)


@pytest.mark.parametrize("sources", ["", "stripe=3.18.12.63;cpay=192.0.2.0/24"])
def test_sources_of_providers_that_there_are_are_taken(sources: str) -> None:
    check_sources(IngestSettings.model_construct(callback_sources=sources))
