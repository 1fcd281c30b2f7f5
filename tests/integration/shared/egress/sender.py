"""Sends to many endpoints from many threads, in a process of its own, and tells what that took."""

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

from shared.egress.client import Answer, EgressClient, Failed
from shared.egress.policy import EgressPolicy
from shared.egress.resolver import DnsResolver


def main() -> None:
    """Reads ``{"urls": […], "times": N}``; writes the outcomes, the longest call and the most memory that was used."""
    told = json.load(sys.stdin)
    open_here = EgressPolicy(ports=frozenset(), allow_http=True, allowed_networks=(ip_network("127.0.0.0/8"),))
    client = EgressClient(open_here, DnsResolver())
    urls = told["urls"] * told["times"]
    with ThreadPoolExecutor(max_workers=len(urls)) as threads:
        results = list(threads.map(lambda url: client.post(url, b"{}", {}), urls))
    outcomes = Counter(_name(result) for result in results)
    longest_ms = max(result.elapsed_ms for result in results)
    json.dump({"outcomes": outcomes, "longest_ms": longest_ms, "rss_mb": _most_memory_mb()}, sys.stdout)


def _most_memory_mb() -> float:
    """The peak of this program alone: ``ru_maxrss`` would have that of whoever started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _name(result: Answer | Failed) -> str:
    return result.reason.value if isinstance(result, Failed) else str(result.status)


if __name__ == "__main__":
    main()
