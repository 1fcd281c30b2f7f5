"""Pages of a list: which one was asked for, and how it reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from services.api.use_cases.ids import queried_id
from shared.application.views import View
from shared.domain.payout import Payout
from shared.domain.transaction import Transaction

RowT = TypeVar("RowT", Transaction, Payout)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which page of a list; ``after`` and ``before`` are ids, and win over ``page``."""

    page: int
    limit: int
    after: str | None
    before: str | None

    def places(self, noun: str) -> tuple[UUID | None, UUID | None]:
        """``after`` and ``before`` as ids. Raises ``ValidationFailed`` for what is none."""
        what_is_right = f"must be the id of a {noun}, or a next_cursor"
        return queried_id("after", self.after, what_is_right), queried_id("before", self.before, what_is_right)

    @property
    def offset(self) -> int:
        return 0 if self.after or self.before else (self.page - 1) * self.limit


def page_view(asked: PageRequest, found: Sequence[RowT], total: int, view: Callable[[RowT], View]) -> View:
    """``found`` has one row more than asked for, if there is one."""
    has_more = len(found) > asked.limit
    # Going back in time the row too many is the last; coming forward it is the first.
    shown = found[-asked.limit :] if asked.before else found[: asked.limit]
    return {
        "data": [view(each) for each in shown],
        "has_more": has_more,
        "page": asked.page,
        "limit": asked.limit,
        "total": total,
        "next_cursor": str(shown[-1].id) if shown and (has_more or asked.before) else None,
    }
