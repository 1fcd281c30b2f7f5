"""One folder a provider; it is found by being here (``shared.provider_kit.registry``)."""
