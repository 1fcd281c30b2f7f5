"""Durations as an operator writes them: ``90s``, ``15m``, ``1h30m``, ``2d``."""

import re
from datetime import timedelta

import click

_WHOLE = re.compile(r"(?:\d{1,6}[smhd])+", re.ASCII)
_PART = re.compile(r"(\d+)([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


# Further away there is no calendar.
LONGEST = timedelta(days=3650)


class Duration(click.ParamType[timedelta]):
    """More than nothing, ten years at most, and whole seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        text = str(value)
        parts = _PART.findall(text) if _WHOLE.fullmatch(text) else []
        total = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
        if not total or total > LONGEST:
            self.fail(f"must be a time such as 90s, 15m, 1h30m or 2d, at most {LONGEST.days}d", param, ctx)
        return total
