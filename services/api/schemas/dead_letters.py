"""Dead letters, as they read and as they are decided about."""

from pydantic import Field

from services.api.schemas.base import ApiModel, ShortText, Text
from shared.persistence.dead_letters import LetterState

Name = ShortText | None


class LetterPath(ApiModel):
    letter_id: str = Field(description="The dead letter's id, a UUID.")


class LetterChoice(ApiModel):
    """Which letters; what is left out does not narrow."""

    queue: Name = Field(default=None, description="Which it died in.", examples=["gw.q.cmd.cpay"])
    message_type: Name = Field(default=None, description="Such as payment.initialize.v1.")
    provider: Name = None
    reason: Name = Field(default=None, description="retries_spent, rejected, unreadable, delivery_limit …")
    older_than_seconds: int | None = Field(default=None, ge=1, le=31_536_000, description="Dead for at least so long.")


class LetterListQuery(LetterChoice):
    state: LetterState | None = None
    limit: int = Field(default=20, ge=1, le=100)
    after: Text | None = Field(default=None, description="The next_cursor of a page: what comes behind it.")


class ReplayBody(ApiModel):
    dry_run: bool = Field(default=False, strict=True, description="true: only say what would be done.")


class ReplayAllBody(LetterChoice):
    """Which of the letters that wait, by at least one property or by ``all``."""

    all: bool = Field(default=False, strict=True, description="true: every letter that waits.")
    dry_run: bool = Field(default=False, strict=True, description="true: only say what would be done.")
    rate: float | None = Field(
        default=None, ge=0.01, le=1000, description="So many go out in a second, at most; without it all at once."
    )
    limit: int = Field(default=500, ge=1, le=1000, description="Decide about so many at most.")
    after: Text | None = Field(
        default=None,
        description="The next_cursor of the answer before: what comes behind it. What is left stays there.",
    )


class DiscardBody(ApiModel):
    why: ShortText = Field(description="Kept with the letter, and in the audit trail.", examples=["Sent by a test"])


class ErrorNoteView(ApiModel):
    error: str = Field(description="Its class.")
    message: str = Field(description="The first line of what it said, redacted.")
    at: str


class LetterView(ApiModel):
    """A message that nobody could handle."""

    id: str
    state: LetterState
    message_id: str
    message_type: str
    queue: str
    exchange: str
    routing_key: str
    provider: str | None
    merchant_id: str | None
    transaction_id: str | None
    subject_kind: str | None = Field(description="payment, capture, refund, payout or callback, where that is known.")
    subject_id: str | None
    reason: str
    first_error: ErrorNoteView | None
    last_error: ErrorNoteView | None
    tries: int = Field(description="Of its last life.")
    deaths: int = Field(description="How often this message died.")
    headers: dict[str, object]
    body: str
    body_bytes: int
    body_is_exact: bool = Field(description="false: it is no message of ours, and is shown redacted and cut.")
    first_died_at: str
    last_died_at: str
    age_seconds: int | None = Field(description="How long it has been waiting for a decision.")
    decided_by: str | None
    decided_at: str | None
    decision: str | None


class LetterPage(ApiModel):
    data: list[LetterView]
    has_more: bool
    limit: int
    next_cursor: str | None
    waiting: int = Field(description="How many wait for a decision, in all.")


class DecisionView(ApiModel):
    id: str
    message_type: str
    decision: str = Field(
        description="replayed: it goes out again; skipped: what it asked for is settled; left: no worker of this "
        "version reads it; discarded."
    )
    sentence: str = Field(examples=["skipped: attempt already succeeded"])


class DecisionList(ApiModel):
    data: list[DecisionView]
    counts: dict[str, int] = Field(description="How many, by decision.")
    dry_run: bool
    has_more: bool
    next_cursor: str | None = Field(description="has_more: call again with this as after.")
