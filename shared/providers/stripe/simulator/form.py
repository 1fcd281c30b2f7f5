"""Form encoding with brackets, as Stripe reads it: ``metadata[x]=1&expand[0]=latest_charge&expand[]=customer``."""

import hashlib
import json
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from shared.providers.stripe.simulator.exchange import invalid

Node = dict[str, "str | Node"]

MOST_FIELDS = 2000
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")


def decoded(body: bytes) -> Node:
    """The body as a tree; a list is a tree whose names are its indexes.

    Raises:
        Refused: 400, not a form.
    """
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise invalid("Invalid request: the body is not UTF-8, or has too many parameters.") from None
    return nested(pairs)


def nested(pairs: Iterable[tuple[str, str]]) -> Node:
    """``[("a[b]", "1")]`` as ``{"a": {"b": "1"}}``; of two values of one name, the last counts.

    Raises:
        Refused: 400, the brackets do not match, or a name is used both for a value and for a tree.
    """
    tree: Node = {}
    for name, value in pairs:
        match = _KEY.fullmatch(name)
        if match is None:
            raise invalid(f"Invalid request: the parameter name {name[:80]} cannot be read.")
        _put(tree, [match[1], *_PART.findall(match[2])], value, name)
    return tree


def _put(tree: Node, path: list[str], value: str, name: str) -> None:
    *parents, last = path
    for part in parents:
        below = tree.setdefault(part or str(len(tree)), {})
        if isinstance(below, str):
            raise invalid(f"Invalid request: {name} is used as a value and as a hash.")
        tree = below
    tree[last or str(len(tree))] = value


def digest_of(method: str, path: str, tree: Node) -> bytes:
    """The same for the same request, in whatever order its parameters come."""
    canonical = json.dumps(tree, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{method}\n{path}\n{canonical}".encode()).digest()
