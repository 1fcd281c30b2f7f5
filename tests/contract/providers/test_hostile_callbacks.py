"""Whatever strangers make of a callback: it is not believed, and nothing is raised but that."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import replace

import httpx2
import pytest

from shared.domain.errors import WebhookRejected
from shared.provider_kit.plugin import ProviderTools
from shared.provider_kit.provider import PaymentProvider, WebhookRequest
from shared.provider_kit.registry import discover_providers
from shared.provider_kit.sandbox import SandboxSite
from shared.provider_kit.tokens import LocalTokens
from shared.runtime.clock import SystemClock
from tests.contract.providers.stage import Stage
from tests.contract.providers.test_callbacks import good_callback

BODIES: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _body: b"",
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "packed": gzip.compress,
    "a space more": lambda body: body + b" ",
    "a NUL more": lambda body: body + b"\x00",
    "cut off": lambda body: body[:-1],
    "twice": lambda body: body + body,
    "no UTF-8": lambda body: body + b"\xff",
    "as deep as it goes": lambda _body: b"[" * 100_000,
    "a form": lambda _body: b"a=1&b=2",
    "null": lambda _body: b"null",
    "a list": lambda body: b"[" + body + b"]",
    "infinity": lambda _body: b'{"amount": Infinity, "small": 1e400}',
    "a number without end": lambda _body: b'{"amount": ' + b"9" * 5000 + b"}",
}
HEADERS: Mapping[str, Callable[[str], str]] = {
    "empty": lambda _value: "",
    "in capitals": str.upper,
    "twice": lambda value: f"{value},{value}",
    "twice, with a space": lambda value: f"{value} {value}",
    "cut off": lambda value: value[:-1],
    "not ASCII": lambda value: f"{value}\u00e4",
    "Arabic digits": lambda _value: "\u0661\u0662\u0663",
    "half a surrogate pair": lambda _value: "\udcff",
    "a NUL": lambda value: f"{value}\x00",
    "a line break": lambda value: f"{value}\r\nx: y",
    "endless": lambda _value: "v1=" + "0" * 100_000,
    "a hundred signatures": lambda _value: "t=1," + ",".join(["v1=" + "0" * 64] * 100),
    "two times": lambda _value: "t=1,t=2,v1=0",
    "another scheme": lambda _value: "t=1,v0=" + "0" * 64,
    "negative": lambda _value: "-1",
    "a float": lambda _value: "1700000000.5",
    "enormous": lambda _value: "9" * 5000,
    "not a number": lambda _value: "NaN",
}

# These change its end only, which of a list of signatures need not be the one that counts.
AT_THE_END = frozenset({"twice, with a space", "cut off", "a NUL", "a line break"})
ELSEWHERE = {name: spoil for name, spoil in HEADERS.items() if name not in AT_THE_END}

# What no provider's proof is in.
PLAIN = frozenset({"host", "content-type", "content-length", "connection", "accept", "accept-encoding", "user-agent"})


@pytest.fixture(scope="module")
def callback(stage: Stage) -> WebhookRequest:
    return good_callback(stage)


def _is_believed(adapter: PaymentProvider, callback: WebhookRequest) -> bool:
    try:
        adapter.verify_webhook(callback)
    except WebhookRejected:
        return False
    return True


@pytest.mark.parametrize("spoil", BODIES.values(), ids=BODIES)
def test_another_body_is_not_believed(stage: Stage, callback: WebhookRequest, spoil: Callable[[bytes], bytes]) -> None:
    is_believed = _is_believed(stage.adapter, replace(callback, body=spoil(callback.body)))

    # Where only the address is the proof, a body that reads the same is the same.
    assert not is_believed or "signed_body" in stage.contract.lacks


@pytest.mark.parametrize("spoil", ELSEWHERE.values(), ids=ELSEWHERE)
def test_other_headers_are_not_believed(stage: Stage, callback: WebhookRequest, spoil: Callable[[str], str]) -> None:
    stage.needs("signed_body")
    proof = {name: value for name, value in callback.headers.items() if name not in PLAIN}
    assert proof

    spoilt = dict(callback.headers) | {name: spoil(value) for name, value in proof.items()}

    assert not _is_believed(stage.adapter, replace(callback, headers=spoilt))


@pytest.mark.parametrize("spoil", HEADERS.values(), ids=HEADERS)
def test_one_other_header_raises_nothing_but_a_rejection(
    stage: Stage, callback: WebhookRequest, spoil: Callable[[str], str]
) -> None:
    for name, value in callback.headers.items():
        _is_believed(stage.adapter, replace(callback, headers=dict(callback.headers) | {name: spoil(value)}))


@pytest.mark.parametrize("other", sorted(discover_providers()))
def test_a_callback_of_one_provider_is_believed_by_no_other(stage: Stage, callback: WebhookRequest, other: str) -> None:
    if other == stage.plugin.name:
        pytest.skip("its own")
    plugin, clock = discover_providers()[other], SystemClock()
    site = SandboxSite(secret="another", simulator_url="http://sim", callbacks_url="http://us/webhooks")
    config = plugin.config_model.model_validate(plugin.sandbox(site).config)
    with httpx2.Client(trust_env=False) as client:
        adapter = plugin.build(config, ProviderTools(client=client, clock=clock, tokens=LocalTokens(clock)))

        assert not _is_believed(adapter, callback)


def test_a_callback_for_one_account_is_not_believed_with_the_secrets_of_another(
    stage: Stage, callback: WebhookRequest
) -> None:
    plugin, clock = stage.plugin, SystemClock()
    site = SandboxSite(secret="another", simulator_url="http://sim", callbacks_url="http://us/webhooks")
    config = plugin.config_model.model_validate(plugin.sandbox(site).config)
    with httpx2.Client(trust_env=False) as client:
        adapter = plugin.build(config, ProviderTools(client=client, clock=clock, tokens=LocalTokens(clock)))

        assert not _is_believed(adapter, callback)
