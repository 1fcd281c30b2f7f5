"""The form of every refusal."""

from pydantic import Field

from services.api.schemas.base import ApiModel


class FieldProblem(ApiModel):
    """One field and what would be right for it."""

    pointer: str = Field(description="JSON pointer into the body, or the name of a header or query parameter.")
    detail: str


class ProviderWords(ApiModel):
    name: str
    code: str | None
    message: str | None


class ProblemDetails(ApiModel):
    """RFC 9457. Branch on ``code``; ``retryable`` says whether the same request may succeed later."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    retryable: bool
    request_id: str | None
    errors: list[FieldProblem]
    provider: ProviderWords | None = None
