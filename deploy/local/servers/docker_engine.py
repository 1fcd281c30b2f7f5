"""Whether Docker can really start an image here: a daemon that answers may still have no way to get one."""

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence

from deploy.local.commands import Answer, Command, run
from deploy.local.errors import Cancelled, LocalError, TookTooLong
from deploy.local.settings import load_settings

ENGINE_TIMEOUT_SECONDS = 10.0
PULL_TIMEOUT_SECONDS = 90.0
PROBE_TIMEOUT_SECONDS = 30.0
TIMED_OUT = 124

_registry_hangs = threading.Event()  # one that did not answer for one image is not waited for again


def docker_can_start(image: str) -> bool:
    """Whether a container of this image can be started now; a missing image is fetched, within bounds."""
    settings = load_settings()
    return can_start(image, {**settings.inherited, **settings.docker}, threading.Event())


def can_start(
    image: str,
    variables: Mapping[str, str],
    cancelled: threading.Event,
    report: Callable[[str], None] = lambda _message: None,
) -> bool:
    """The same, for one who is being watched and may be interrupted.

    Raises:
        Cancelled: the run is being undone.
    """
    client = _Client(variables, cancelled)
    if not client.succeeds(["version", "--format", "{{.Server.Version}}"], ENGINE_TIMEOUT_SECONDS):
        return False
    if not client.succeeds(["image", "inspect", image], ENGINE_TIMEOUT_SECONDS):
        report(f"docker: fetching {image} (for {PULL_TIMEOUT_SECONDS:.0f} s at most)")
        if not client.fetches(image):
            return False
    return client.starts(image)


def ask(arguments: Sequence[str], variables: Mapping[str, str], timeout: float, cancelled: threading.Event) -> Answer:
    """Run one command of Docker's; a client that is missing or hangs is an answer too."""
    try:
        return run(Command(arguments, variables, timeout), cancelled)
    except Cancelled:
        raise
    except TookTooLong as error:
        return Answer(TIMED_OUT, str(error))
    except LocalError as error:
        return Answer(1, str(error))


class _Client:
    """Docker's client, asked questions with a yes or no."""

    def __init__(self, variables: Mapping[str, str], cancelled: threading.Event) -> None:
        self._variables = variables
        self._cancelled = cancelled

    def succeeds(self, arguments: Sequence[str], timeout_seconds: float) -> bool:
        return ask(["docker", *arguments], self._variables, timeout_seconds, self._cancelled).code == 0

    def fetches(self, image: str) -> bool:
        if _registry_hangs.is_set():
            return False
        answer = ask(["docker", "pull", "--quiet", image], self._variables, PULL_TIMEOUT_SECONDS, self._cancelled)
        if answer.code == TIMED_OUT:
            _registry_hangs.set()
        return answer.code == 0

    def starts(self, image: str) -> bool:
        name = f"payment-gateway-probe-{secrets.token_hex(4)}"
        options = ["--rm", "--name", name, "--network", "none", "--entrypoint", "/bin/true"]
        if self.succeeds(["run", *options, image], PROBE_TIMEOUT_SECONDS):
            return True
        self.succeeds(["rm", "--force", name], ENGINE_TIMEOUT_SECONDS)
        return False
