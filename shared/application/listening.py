"""Who may listen to which channel: asked by the notifier, and by the API before it issues a ticket."""

from shared.domain.channel import Channel, ChannelKind
from shared.domain.ids import MerchantId, TransactionId
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.access_tokens import Principal

_SEES_COLLEAGUES = frozenset({"merchant_admin", "platform_admin"})


def may_hear(work: UnitOfWork, principal: Principal, channel: Channel) -> bool:
    """A payment is heard by its merchant's people, a user's channel by that user and the admins of the merchant.

    What does not exist is heard by nobody, so that it cannot be told from what is another merchant's.
    """
    if principal.merchant_id is None or "payments:read" not in principal.scopes:
        return False
    merchant_id = MerchantId(principal.merchant_id)
    if channel.kind is ChannelKind.TRANSACTION:
        return work.transactions.find(TransactionId(channel.id), merchant_id) is not None
    if channel.id == principal.user_id:
        return True
    return principal.role in _SEES_COLLEAGUES and work.accounts.belongs_to(channel.id, merchant_id)
