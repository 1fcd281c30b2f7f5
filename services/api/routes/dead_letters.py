"""GET /dead-letters, GET /dead-letters/{id}, and what a platform admin decides about them."""

from flask import Response
from flask_openapi import APIBlueprint, Tag

from services.api.routes.answers import answer
from services.api.routes.caller import actor
from services.api.routes.refusals import refusals
from services.api.schemas.dead_letters import (
    DecisionList,
    DecisionView,
    DiscardBody,
    LetterChoice,
    LetterListQuery,
    LetterPage,
    LetterPath,
    LetterView,
    ReplayAllBody,
    ReplayBody,
)
from services.api.use_cases.decide_dead_letters import Choice, DecideDeadLetters, Part
from shared.application.replay_dead_letter import ReplayOrder
from shared.persistence.dead_letters import LetterState


def build_dead_letter_routes(decide: DecideDeadLetters) -> APIBlueprint:
    routes = APIBlueprint("dead_letters", __name__, abp_tags=[Tag(name="Dead letters")], abp_security=[{"bearer": []}])

    @routes.get("/dead-letters", responses={200: LetterPage, **refusals()})
    def list_letters(query: LetterListQuery) -> Response:
        """List messages that nobody could handle, newest first. For platform admins, as all of these."""
        return answer(decide.page(_choice(query, query.state), query.limit, query.after))

    @routes.get("/dead-letters/<letter_id>", responses={200: LetterView, **refusals(one_of="dead letter")})
    def read_letter(path: LetterPath) -> Response:
        """Get a dead letter."""
        return answer(decide.read(path.letter_id))

    @routes.post("/dead-letters/replay", responses={200: DecisionList, **refusals(body=True)})
    def replay_letters(body: ReplayAllBody) -> Response:
        """Send letters that wait out again, the oldest first: those that are chosen, or all.

        Each is decided about by what is true now: what has been settled is skipped, and never done twice. `dry_run`
        answers the same without doing it. With `rate` they go out one after another; the answer does not wait for that.
        """
        order = ReplayOrder(actor=actor(), dry_run=body.dry_run, per_second=body.rate)
        choice = _choice(body, LetterState.WAITING)
        part = Part(limit=body.limit, after=body.after, everything=body.all)
        return answer(decide.replay_all(choice, order, part))

    @routes.post(
        "/dead-letters/<letter_id>/replay",
        responses={200: DecisionView, **refusals(body=True, one_of="dead letter")},
    )
    def replay_letter(path: LetterPath, body: ReplayBody) -> Response:
        """Send a dead letter out again, if what it asks for is still to be done. Repeating it is harmless."""
        return answer(decide.replay(path.letter_id, ReplayOrder(actor=actor(), dry_run=body.dry_run)))

    @routes.post(
        "/dead-letters/<letter_id>/discard",
        responses={200: DecisionView, **refusals(body=True, one_of="dead letter")},
    )
    def discard_letter(path: LetterPath, body: DiscardBody) -> Response:
        """Put a dead letter away for good. Repeating it is harmless."""
        return answer(decide.discard(path.letter_id, body.why, actor()))

    return routes


def _choice(given: LetterChoice, state: LetterState | None) -> Choice:
    return Choice(
        queue=given.queue,
        message_type=given.message_type,
        provider=given.provider,
        reason=given.reason,
        older_than_seconds=given.older_than_seconds,
        state=state,
    )
