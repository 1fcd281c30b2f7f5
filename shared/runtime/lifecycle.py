"""How a process ends: on SIGTERM or SIGINT it stops taking work, finishes what it has, and leaves with 0."""

import signal
import socket
import threading


def stop_event() -> threading.Event:
    """An event that SIGTERM and SIGINT set. Call from the main thread."""
    event = threading.Event()

    def stop(_signal_number: int, _frame: object) -> None:
        event.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return event


def stop_noticed() -> threading.Event:
    """As ``stop_event``, in a process whose signals belong to its server: they are heard of, not handled.

    Python tells the wakeup descriptor of every signal at once, whoever handles it, also while the main thread is deep
    in the server's own code.
    """
    event = threading.Event()
    told, teller = socket.socketpair()
    teller.settimeout(0)
    # Detached, nothing closes it before the process ends: no signal is ever written into somebody else's file.
    signal.set_wakeup_fd(teller.detach(), warn_on_full_buffer=False)

    def listen() -> None:
        while True:
            if told.recv(1)[0] in {signal.SIGTERM, signal.SIGINT}:
                event.set()

    threading.Thread(target=listen, name="stop-noticed", daemon=True).start()
    return event
