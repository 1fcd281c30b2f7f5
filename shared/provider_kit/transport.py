"""The HTTP client that a provider is called with."""

import httpx2


def build_client(*, connect_seconds: float, read_seconds: float, connections: int) -> httpx2.Client:
    """One per process: safe for threads. It follows no redirect, reads no proxy from the environment, retries nothing:
    a retry that the core does not know of could take money twice.
    """
    return httpx2.Client(
        timeout=httpx2.Timeout(connect=connect_seconds, read=read_seconds, write=5.0, pool=1.0),
        limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
        follow_redirects=False,
        trust_env=False,
    )
