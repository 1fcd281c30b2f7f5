"""Writes the folder of a new provider from the template: a small one that works."""

import keyword
import re
from pathlib import Path

TEMPLATE = Path(__file__).parent / "templates" / "provider"
SUFFIX = ".tmpl"
NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")


class ProviderNotWritten(Exception):
    """Says in one line why nothing was written."""


def write_provider(name: str, checkout: Path) -> Path:
    """The new folder.

    Raises:
        ProviderNotWritten: ``name`` is none or is taken, or this is no checkout.
    """
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ProviderNotWritten(
            f"{name!r} cannot be a provider: 2 to 31 small letters, digits and _, a letter first, no word of Python"
        )
    if not (checkout / "tests" / "contract" / "providers").is_dir():
        raise ProviderNotWritten("a new provider needs a checkout of the repository: its tests are not in the image")
    folder = checkout / "shared" / "providers" / name
    try:
        folder.mkdir()
    except FileExistsError:
        raise ProviderNotWritten(f"there is a provider {name!r} already") from None
    for source in sorted(TEMPLATE.rglob(f"*{SUFFIX}")):
        target = folder / source.relative_to(TEMPLATE).with_suffix("")
        target.parent.mkdir(exist_ok=True)
        target.write_text(filled(source.read_text(encoding="utf-8"), name), encoding="utf-8")
    return folder


def filled(template: str, name: str) -> str:
    """``new_pay`` is ``new_pay``, ``NewPay`` and ``NEW_PAY``."""
    title = "".join(word.capitalize() for word in name.split("_"))
    return template.replace("@name@", name).replace("@Name@", title).replace("@NAME@", name.upper())
