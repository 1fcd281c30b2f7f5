"""Finds the handler of a request by method and path, such as ``POST /v1/payments/{id}/cancel``."""

import re
from collections.abc import Mapping
from typing import Generic, TypeVar

Handler = TypeVar("Handler")


class Router(Generic[Handler]):
    """Routes as a table; ``{name}`` stands for one segment of the path."""

    def __init__(self, routes: Mapping[str, Handler]) -> None:
        self._routes = [(*self._compiled(route), handler) for route, handler in routes.items()]

    def find(self, method: str, path: str) -> tuple[Handler, Mapping[str, str]] | None:
        """The handler and what the path's placeholders hold; ``None`` if there is no such route."""
        for wanted_method, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match and wanted_method == method:
                return handler, match.groupdict()
        return None

    @staticmethod
    def _compiled(route: str) -> tuple[str, re.Pattern[str]]:
        method, path = route.split(" ")
        return method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
