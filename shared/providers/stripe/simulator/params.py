"""A request's parameters, read one by one, with Stripe's complaints about those that cannot be read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from shared.providers.stripe.simulator.exchange import invalid, missing
from shared.providers.stripe.simulator.form import Node

BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Params:
    """``prefix`` is the name of the tree that these belong to, for the complaints."""

    tree: Node
    prefix: str = ""

    def check_known(self, known: Collection[str]) -> None:
        """Raises: Refused: 400, there is one that this request does not have."""
        for name in self.tree:
            if name not in known:
                full = self._full(name)
                raise invalid(f"Received unknown parameter: {full}", "parameter_unknown", full)

    def text(self, name: str) -> str | None:
        value = self.tree.get(name)
        if value is None:
            return None
        full = self._full(name)
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {value}", "parameter_invalid_string_blank", full)
        if value == "":
            raise invalid(
                f"You passed an empty string for '{full}'. We assume empty values are an attempt to unset a parameter; "
                f"however '{full}' cannot be unset. You should remove '{full}' from your request or supply a non-empty "
                "value.",
                "parameter_invalid_empty",
                full,
            )
        return value

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise missing(self._full(name))
        return value

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise invalid(f"Invalid integer: {value}", "parameter_invalid_integer", self._full(name))
        return int(value)

    def boolean(self, name: str) -> bool | None:
        value = self.text(name)
        if value is None:
            return None
        if value not in BOOLEANS:
            raise invalid(f"Invalid boolean: {value}", param=self._full(name))
        return BOOLEANS[value]

    def choice(self, name: str, options: Collection[str]) -> str | None:
        value = self.text(name)
        if value is not None and value not in options:
            listed = ", ".join(options)
            raise invalid(f"Invalid {self._full(name)}: must be one of {listed}", param=self._full(name))
        return value

    def below(self, name: str) -> "Params":
        """The tree of this name; an absent one is empty."""
        value = self.tree.get(name, {})
        if isinstance(value, str):
            if value:
                raise invalid("Invalid object", "parameter_invalid", self._full(name))
            value = {}
        return Params(value, self._full(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """The list of this name, by its indexes."""
        below = self.below(name).tree
        return tuple(str(below[index]) for index in sorted(below, key=lambda index: (len(index), index)))

    def metadata(self) -> Mapping[str, str] | None:
        """The changes to metadata: an empty value unsets; ``None`` when nothing is said.

        Raises:
            Refused: 400, a name or a value is too long, or there are too many.
        """
        if "metadata" not in self.tree:
            return None
        if self.tree["metadata"] == "":
            return {"": ""}
        below = self.below("metadata").tree
        if len(below) > 50:
            raise invalid("You can have up to 50 keys in metadata.", param="metadata")
        for name, value in below.items():
            self._check_metadatum(name, value)
        return {name: str(value) for name, value in below.items()}

    def _check_metadatum(self, name: str, value: object) -> None:
        if not isinstance(value, str):
            raise invalid("Metadata values must be strings.", "parameter_invalid_string", f"metadata[{name}]")
        if len(name) > 40 or len(value) > 500:
            raise invalid(
                "Metadata keys can have up to 40 characters, values up to 500.",
                "parameter_invalid_string",
                f"metadata[{name}]",
            )

    def _full(self, name: str) -> str:
        return f"{self.prefix}[{name}]" if self.prefix else name


def merged(metadata: Mapping[str, str], changes: Mapping[str, str] | None) -> Mapping[str, str]:
    """An empty value unsets; an empty ``metadata`` unsets all."""
    if changes is None:
        return metadata
    if changes == {"": ""}:
        return {}
    return {name: value for name, value in {**metadata, **changes}.items() if value}
