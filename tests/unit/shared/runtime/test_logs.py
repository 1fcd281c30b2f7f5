"""One line an event, as JSON, with ids and without secrets."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.runtime.correlation import logging_context
from shared.runtime.logs import configure_logging


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging as pytest had set it up."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_has_its_event_its_service_its_time_and_the_ids_of_its_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("api", "INFO")
    with logging_context(request_id="r1"):
        structlog.get_logger().info("payment.accepted", amount_minor=1050)

    (line,) = _lines(capsys)
    assert line.pop("time")
    assert line == {
        "service": "api",
        "event": "payment.accepted",
        "level": "info",
        "request_id": "r1",
        "amount_minor": 1050,
    }


def test_lines_of_libraries_take_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("api", "INFO")
    logging.getLogger("some.library").warning("lost %s", "amqp://user:canary@broker")

    (line,) = _lines(capsys)
    assert line["event"] == "lost amqp://user:[hidden]@broker"
    assert (line["service"], line["level"]) == ("api", "warning")


def test_secrets_do_not_get_into_a_line_nor_into_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("api", "INFO")
    try:
        int("card 4111111111111111 of +254700000001")
    except ValueError:
        structlog.get_logger().exception("request.failed", password="canary")

    written = capsys.readouterr().out
    assert "ValueError" in written
    assert not [secret for secret in ("canary", "4111111111111111", "+254700000001") if secret in written]


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "\x1b[31mred", "a\u2028b", '"}\n{"level":"forged"'])
def test_no_text_can_forge_a_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("api", "INFO")
    structlog.get_logger().info("event", text=text)

    written = capsys.readouterr().out
    assert written.isascii()
    (line,) = [json.loads(each) for each in written.splitlines()]
    assert (line["text"], line["level"]) == (text, "info")


def test_configuring_twice_writes_every_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("api", "INFO")
    configure_logging("api", "INFO")
    structlog.get_logger().info("once")

    assert len(_lines(capsys)) == 1
