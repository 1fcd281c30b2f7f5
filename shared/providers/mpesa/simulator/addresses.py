"""The addresses that clients give for callbacks: which are taken, what of ours is in them, where they really lead."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

# developer.safaricom.co.ke: what a callback URL must not contain, and the public tunnels that are refused.
FORBIDDEN_WORDS = ("m-pesa", "mpesa", "safaricom", "exec", "exe", "cmd", "sql", "query")
FORBIDDEN_HOSTS = ("ngrok", "mockbin", "requestbin")

OURS = re.compile(r"/(?P<purpose>[^/]+)/(?P<id>[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12})(?=[./]|$)")
RECEIVERS_PREFIX = re.compile(r"^.*/webhooks/[^/]+(?=/)")


@dataclass(frozen=True, slots=True)
class OurReference:
    """``<base>/<purpose>/<id>/<token>``: the id that the client put into its address, and what it is for."""

    id: str
    purpose: str


def is_taken(url: object) -> bool:
    """Whether Daraja takes the address: HTTP or HTTPS, a host, none of its words."""
    if not isinstance(url, str) or any(word in url.lower() for word in (*FORBIDDEN_WORDS, *FORBIDDEN_HOSTS)):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and is_host(host) and not re.search(r"\s", url)


def is_host(host: str) -> bool:
    """A name with a dot, an address, or ``localhost``: what simulators are tried from."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or bool(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host))
    return True


def our_reference(url: str) -> OurReference | None:
    found = OURS.search(urlsplit(url).path)
    return None if found is None else OurReference(str(UUID(found["id"])), found["purpose"])


def leading_to(url: str, override: str | None) -> str:
    """``url``, with the scheme and host of ``override``; if that has a path, what stands behind ``…/webhooks/<name>``
    of the given path (or else all of it) follows that path.
    """
    if override is None:
        return url
    given, wanted = urlsplit(url), urlsplit(override)
    base = wanted.path.rstrip("/")
    path = base + RECEIVERS_PREFIX.sub("", given.path) if base else given.path
    return urlunsplit((wanted.scheme, wanted.netloc, path, given.query, ""))


def with_other_token(url: str) -> str:
    """The same address, its last segment reversed and marked: nobody has been given that."""
    head, _, tail = url.rstrip("/").rpartition("/")
    return f"{head}/0{tail[::-1]}"
