"""What docs/webhooks.md tells developers to write really verifies what we send, and refuses what we do not."""

import base64
import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from services.webhook_delivery.trial_cases import CASES
from shared.application.webhook_secrets import new_secret, signed_headers
from shared.runtime.clock import SystemClock
from shared.runtime.identifiers import new_id

GUIDE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET, BODY = new_secret(), '{"id":"1","type":"payment.completed","data":{"name":"Wanjikũ"}}'.encode()
CALL = """
let input = ""; process.stdin.on("data", (part) => input += part).on("end", () => {
  const { headers, body } = JSON.parse(input);
  process.stdout.write(JSON.stringify(verify(headers, Buffer.from(body, "base64"))));
});"""


def _example(language: str) -> str:
    (code,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return str(code).replace("whsec_…", SECRET)


def _headers(secret: str, *, minutes_ago: int = 0) -> dict[str, str]:
    return dict(signed_headers(new_id(), BODY, [secret], SystemClock().now() - timedelta(minutes=minutes_ago)))


SENT = [
    (_headers(SECRET), True),
    (_headers(new_secret()), False),
    (_headers(SECRET, minutes_ago=10), False),
    (_headers(SECRET, minutes_ago=-10), False),
    (_headers(SECRET) | {"webhook-id": "another"}, False),
    (_headers(SECRET) | {"webhook-timestamp": "soon"}, False),
    (_headers(SECRET) | {"webhook-signature": "v1 v1, v2,x"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("headers", "is_ours"), SENT)
def test_the_python_example_takes_what_is_ours_alone(headers: dict[str, str], is_ours: bool) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(_example("python"), "webhooks.md", "exec"), names)
    app = names["app"]

    status = app.test_client().post("/webhooks", data=BODY, headers=headers).status_code  # type: ignore[attr-defined] # the example's

    assert status == (204 if is_ours else 400)


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node here")
@pytest.mark.parametrize(("headers", "is_ours"), SENT)
def test_the_node_example_takes_what_is_ours_alone(headers: dict[str, str], is_ours: bool) -> None:
    given = json.dumps({"headers": headers, "body": base64.b64encode(BODY).decode()})

    done = subprocess.run(
        ["node", "-e", _example("javascript") + CALL], input=given, capture_output=True, text=True, check=False
    )

    assert (done.returncode == 0) == is_ours, done.stderr
    assert not is_ours or json.loads(done.stdout) == json.loads(BODY)


def test_the_guide_names_every_case_of_a_test_with_what_is_right() -> None:
    rows = [line for line in GUIDE.splitlines() if line.startswith("| `")]

    for case in CASES:
        assert any(row.startswith(f"| `{case.name}` |") and case.expected in row for row in rows)
