"""What a provider's answer becomes: an outcome, with what we keep of their JSON beside it."""

from collections.abc import Callable, Collection
from typing import TypeVar

from pydantic import BaseModel

from shared.domain.outcome import Answer, InDoubt, Outcome
from shared.provider_kit.http import Answered, ProviderResponse
from shared.provider_kit.wire import read

Read = TypeVar("Read", bound=BaseModel)


def outcome_of_answer(
    answer: Answered,
    accepted: Collection[int],
    model: type[Read],
    judge: Callable[[Read], Outcome],
    judge_error: Callable[[ProviderResponse], Outcome],
) -> Outcome:
    """What ``judge`` makes of the ``model`` in an answer whose status is ``accepted``; of any other, ``judge_error``.

    One that is accepted and cannot be read is ``InDoubt``: it may have been executed.
    """
    if not isinstance(answer, ProviderResponse):
        return answer
    if answer.status not in accepted:
        return judge_error(answer)
    told = read(model, answer.body)
    return unreadable(answer) if told is None else judge(told)


def unreadable(answer: ProviderResponse) -> InDoubt:
    return InDoubt(reason=f"http {answer.status} unreadable")


def answer_of(told: BaseModel) -> Answer:
    """Their JSON, reduced to the fields that we know: what an outcome keeps."""
    answer: Answer = told.model_dump(mode="json", exclude_none=True)
    return answer
