"""Who is calling, for use cases and the audit trail."""

from dataclasses import replace

from flask import g, request

from shared.application.actor import Actor
from shared.domain.ids import MerchantId
from shared.runtime.access_tokens import Principal
from shared.runtime.correlation import current_request_id


def principal() -> Principal:
    caller = g.principal
    assert isinstance(caller, Principal)
    return caller


def merchant_id() -> MerchantId:
    merchant = principal().merchant_id
    assert merchant is not None, "authorise() lets nobody without a merchant through"
    return MerchantId(merchant)


def actor() -> Actor:
    return replace(stranger(), user_id=str(principal().user_id))


def stranger() -> Actor:
    """Who calls, as far as that is known without a token."""
    agent = request.headers.get("User-Agent")
    return Actor(
        user_id=None,
        ip_address=request.remote_addr,
        user_agent=None if agent is None else agent[:300].replace("\x00", ""),
        request_id=current_request_id(),
    )
