"""What can go wrong here, each told in one line."""


class LocalError(Exception):
    """Something the person at the keyboard can act on; the text is shown as it is."""


class Cancelled(LocalError):
    """This run is being undone, so what waits stops waiting."""


class TookTooLong(LocalError):
    """A command was ended because its time was up."""


class StartFailed(LocalError):
    """A server or a process died, or was not ready in time."""

    def __init__(self, name: str, reason: str, log_tail: str = "") -> None:
        super().__init__(f"{name} did not start: {reason}")
        self.name = name
        self.reason = reason
        self.log_tail = log_tail
