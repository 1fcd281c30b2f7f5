"""What a provider's JSON is written down with: strict in what we send, tolerant of new fields in what we receive."""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictInt, ValidationError

from shared.domain.money import MAX_MINOR_UNITS

AmountMinor = Annotated[StrictInt, Field(ge=0, le=MAX_MINOR_UNITS)]
Identifier = Annotated[str, Field(min_length=1, max_length=255)]
Word = Annotated[str, Field(max_length=255)]

Model = TypeVar("Model", bound=BaseModel)


class Sent(BaseModel):
    """What we send: a field that is not in the model is a bug of ours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> dict[str, JsonValue]:
        """The body to send; what is not set is left out."""
        body: dict[str, JsonValue] = self.model_dump(mode="json", exclude_none=True)
        return body


class Received(BaseModel):
    """Unknown fields are dropped, so an outcome's ``answer`` holds nothing that we did not expect."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def read(model: type[Model], body: bytes) -> Model | None:
    """The body as ``model``; ``None`` if it is HTML, empty, cut off or of another shape."""
    try:
        return model.model_validate_json(body)
    except ValidationError:
        return None


def moment_in(text: str | None) -> datetime | None:
    """A moment in ISO 8601, in UTC; ``None`` if there is none, it cannot be read, or it has no time zone."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None
