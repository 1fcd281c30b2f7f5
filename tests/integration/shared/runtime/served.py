"""A service as ours are served, without anything in it: ``python -m tests.integration.shared.runtime.served PORT``."""

import sys

from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined] # as granian documents them

from shared.runtime.wsgi_server import WsgiService, serve

IDLE_SECONDS = 0.5


class Nothing:
    async def __rsgi__(self, _scope: Scope, protocol: HTTPProtocol) -> None:
        protocol.response_bytes(200, [], b"")


def create() -> Nothing:
    return Nothing()


if __name__ == "__main__":
    serve(
        WsgiService(
            target="tests.integration.shared.runtime.served:create",
            host="127.0.0.1",
            port=int(sys.argv[1]),
            workers=1,
            threads=1,
            reads_itself=True,
            idle_seconds=IDLE_SECONDS,
        )
    )
