"""Finds the providers: every package in ``shared.providers`` that has a ``PLUGIN``. Adding one edits nothing here."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from shared.provider_kit.plugin import ProviderPlugin

PACKAGE = "shared.providers"


@cache
def discover_providers() -> Mapping[str, ProviderPlugin]:
    """All plugins by name, in alphabetical order."""
    package = importlib.import_module(PACKAGE)
    folders = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.ispkg)
    plugins = [importlib.import_module(f"{PACKAGE}.{folder}").PLUGIN for folder in folders]
    return {plugin.name: plugin for plugin in plugins}
