"""A DNS server that answers as the test says: what rebinding is done with."""

import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

# Which addresses a name has when it is asked for the n-th time (from 0); ``None``: no answer at all.
Record = Callable[[int], Sequence[str] | None]


def always(*addresses: str) -> Record:
    return lambda _time: addresses


def alternating(*answers: Sequence[str]) -> Record:
    """Another answer each time, and from the first again after the last."""
    return lambda time: answers[time % len(answers)]


def silent(_time: int) -> None:
    """It never answers."""


class DnsServer:
    """Answers for the names in ``zone``; there are no others. ``asked`` counts the questions of each name and kind."""

    def __init__(self, zone: Mapping[str, Record]) -> None:
        self.zone = dict(zone)
        self.asked: Counter[tuple[str, str]] = Counter()
        self._server = socketserver.UDPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> "DnsServer":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def client(self) -> dns.resolver.Resolver:
        """What asks this server, and no other."""
        found = dns.resolver.Resolver(configure=False)
        found.nameservers, found.port = ["127.0.0.1"], self._server.server_address[1]
        found.search = [dns.name.from_text("example.com.")]
        return found

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        server = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                received, sock = self.request
                answer = server.answer(dns.message.from_wire(received))
                if answer is not None:
                    sock.sendto(answer.to_wire(), self.client_address)

        return Handler

    def answer(self, question: dns.message.Message) -> dns.message.Message | None:
        asked = question.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(asked.rdtype)
        time = self.asked[name, kind]
        self.asked[name, kind] += 1
        reply = dns.message.make_response(question)
        if name not in self.zone:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            return reply
        addresses = self.zone[name](time)
        if addresses is None:
            return None
        of_kind = [address for address in addresses if (":" in address) == (kind == "AAAA")]
        if of_kind:
            reply.answer.append(dns.rrset.from_text_list(asked.name, 0, "IN", kind, of_kind))
        return reply
