"""What a URL must look like for us to send to it. Only what is read here is used later: no second parser disagrees."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

import idna

from shared.egress.addresses import refusal
from shared.egress.policy import Address, EgressPolicy

MAX_URL_CHARACTERS = 2048
MAX_NAME_CHARACTERS = 253
USUAL_PORT = {"https": 443, "http": 80}

FULL_NAME = "must name its server in full, such as hooks.example.com, or by an address as it is usually written"
AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]+)(:(?P<port>.*))?", re.DOTALL)
PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

# Names that private networks keep for themselves (RFC 6761, 6762, 7686, 8375, and ICANN's "internal").
PRIVATE_ENDINGS = frozenset({"localhost", "local", "internal", "onion", "arpa"})


class UrlRefused(Exception):
    """Nothing is sent there. ``reason`` reads after "the URL" and says what would be right."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to send. ``host`` is a name in ASCII, or an address without brackets (then ``address`` is it, too)."""

    scheme: str
    host: str
    port: int
    path: str
    address: Address | None = None

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == USUAL_PORT[self.scheme] else f"{host}:{self.port}"


def check_url(url: str, policy: EgressPolicy) -> Target:
    """The target that ``url`` names, by rules that need no network. A name's addresses are checked when it is called.

    Raises:
        UrlRefused: nothing may be sent there.
    """
    _check_characters(url)
    parts = _split(url, policy)
    host, port = _host_and_port(parts)
    address = _literal(host)
    if address is not None:
        _check_address(address, policy)
    return Target(
        scheme=parts.scheme,
        host=_ascii_name(host, policy) if address is None else str(address),
        port=_checked_port(port, parts.scheme, policy),
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        address=address,
    )


def _check_characters(url: str) -> None:
    if len(url) > MAX_URL_CHARACTERS:
        raise UrlRefused(f"must have at most {MAX_URL_CHARACTERS} characters")
    if "\\" in url or any(not character.isprintable() or character.isspace() for character in url):
        raise UrlRefused("must have no spaces, control characters or backslashes; percent-encode them")
    if "#" in url:
        raise UrlRefused("must have no # and nothing behind it: it is never sent")


def _split(url: str, policy: EgressPolicy) -> SplitResult:
    schemes = ("https", "http") if policy.allow_http else ("https",)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UrlRefused(FULL_NAME) from None
    if parts.scheme not in schemes or url[len(parts.scheme) :][:3] != "://":
        raise UrlRefused(f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if not (parts.path + parts.query).isascii():
        raise UrlRefused("must have only ASCII behind its server's name; percent-encode the rest")
    return parts


def _host_and_port(parts: SplitResult) -> tuple[str, str | None]:
    if "@" in parts.netloc:
        raise UrlRefused("must have no user name or password (nothing with an @ before the server's name)")
    found = AUTHORITY.fullmatch(parts.netloc)
    if found is None:
        raise UrlRefused(FULL_NAME)
    return found["host"].lower(), found["port"]


def _checked_port(port: str | None, scheme: str, policy: EgressPolicy) -> int:
    allowed = f"one of {', '.join(map(str, sorted(policy.ports)))}" if policy.ports else "from 1 to 65535"
    number = USUAL_PORT[scheme] if port is None else int(port) if PORT.fullmatch(port) else 0
    if not 1 <= number <= 65_535 or (policy.ports and number not in policy.ports):
        raise UrlRefused(f"must have a port that is {allowed}")
    return number


def _literal(host: str) -> Address | None:
    """The address that ``host`` is, if it is one; written as addresses usually are, and in no other way.

    What ends in a number is an address to browsers and C libraries alike (``127.1``, ``0x7f000001``, ``017700000001``).
    """
    try:
        if host.startswith("["):
            return _ipv6(host[1:-1])
        if NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return IPv4Address(host)
    except AddressValueError:
        raise UrlRefused(FULL_NAME) from None
    return None


def _ipv6(text: str) -> IPv6Address:
    if "%" in text:
        raise UrlRefused("must have no zone (nothing with a %) in its address")
    return IPv6Address(text)


def _check_address(address: Address, policy: EgressPolicy) -> None:
    wrong = refusal(address, policy)
    if wrong is not None:
        raise UrlRefused(f"must have a public address; {address} {wrong}")


def _ascii_name(host: str, policy: EgressPolicy) -> str:
    name = host if host.isascii() else _encoded(host)
    labels = name.split(".")
    if len(name) > MAX_NAME_CHARACTERS or not all(map(_is_label, labels)):
        raise UrlRefused(f"{FULL_NAME}: letters, digits and hyphens, single dots between them, and none at the end")
    is_private = len(labels) == 1 or labels[-1] in PRIVATE_ENDINGS
    if is_private and not policy.allowed_networks:
        raise UrlRefused(f"{FULL_NAME}; {name} is a name of private networks")
    return name


def _encoded(host: str) -> str:
    """``bücher.example`` as ``xn--bcher-kva.example``. Nothing is mapped: what only looks like a dot is refused."""
    try:
        return idna.encode(host[: MAX_NAME_CHARACTERS + 1], strict=True).decode("ascii")
    except idna.IDNAError:
        raise UrlRefused(f"{FULL_NAME}; this is no valid international name") from None


def _is_label(label: str) -> bool:
    if not LABEL.fullmatch(label):
        return False
    if not label.startswith("xn--"):
        return True
    try:
        return idna.alabel(idna.ulabel(label)).decode("ascii") == label
    except idna.IDNAError:
        return False
