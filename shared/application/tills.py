"""Whose a till is: the default account's configuration says it, as ``"tills": {"<till>": "<merchant id>"}``."""

from uuid import UUID

from shared.domain.ids import MerchantId
from shared.persistence.unit_of_work import UnitOfWork


def merchant_of_till(work: UnitOfWork, provider: str, till: str, account_id: UUID | None) -> MerchantId | None:
    """The merchant who owns it; ``None``: nobody that we know. Every till of a merchant's own account is theirs."""
    configs = work.provider_configs
    stored = configs.find(provider) if account_id is None else configs.find_by_id(account_id)
    if stored is not None and stored.merchant_id is not None:
        return stored.merchant_id
    tills = {} if stored is None else stored.config.get("tills")
    owner = tills.get(till) if isinstance(tills, dict) else None
    merchant_id = _merchant_id(owner)
    return merchant_id if merchant_id is not None and work.accounts.has_merchant(merchant_id) else None


def _merchant_id(owner: object) -> MerchantId | None:
    """An operator may have written anything: what is no id is nobody, and its callbacks stay visible."""
    try:
        return MerchantId(UUID(str(owner)))
    except ValueError:
        return None
