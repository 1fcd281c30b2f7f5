"""The problems that a route may answer with, for OpenAPI."""

from collections.abc import Mapping

from flask_openapi.types import ResponseDict

from services.api.schemas.base import ApiModel
from services.api.schemas.problems import ProblemDetails
from shared.runtime.problems import PROBLEM_JSON

_EVERYWHERE = {429: "Too many requests.", 503: "The database is away; try again."}
_SIGNED_IN = {401: "No valid access token.", 403: "The role does not allow it."}
_WITH_BODY = {
    400: "No JSON object, or no Idempotency-Key.",
    411: "No Content-Length.",
    413: "Too large.",
    415: "Not JSON.",
}
_INVALID = {422: "A field is not acceptable; errors[] names it."}
_CONFLICT = {409: "The first request with this key has not finished, or the payment is in no state for it."}


_REPLAYED = {
    "Idempotent-Replayed": {
        "description": "true: the request had come before; nothing was done a second time.",
        "schema": {"type": "string"},
    }
}
_WAITED = {
    "Preference-Applied": {
        "description": "wait=N: the answer is the first outcome, which was waited for.",
        "schema": {"type": "string"},
    }
}


def accepted(view: type[ApiModel], *, of_payment: bool = False) -> ResponseDict:
    """The answers of a POST that moves money (that of a payment which exists), for ``responses=`` of its route."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{view.__name__}"}}}
    return {
        202: view,
        200: {
            "description": "As it is now: its first outcome was waited for, or the stored answer has been purged.",
            "headers": _REPLAYED | _WAITED,
            "content": content,
        },
        **refusals(body=True, one_of="payment" if of_payment else None, idempotent=True),
    }


_CONFIGURES = {
    409: "Somebody else has just changed the account.",
    422: "A field is not acceptable, and errors[] names it; or the provider refuses the credentials.",
}
_ENDPOINTS = {409: "Your webhook endpoints, as they are, do not allow it."}
_PLACE = {410: "The event log does not go on from there: its events are not kept any more, or it was restored."}
_PRECONDITION = {412: "Something else is left of the payment than amount_available says."}


def refusals(
    *,
    signed_in: bool = True,
    body: bool = False,
    one_of: str | None = None,
    idempotent: bool = False,
    configures: bool = False,
    webhooks: bool = False,
) -> ResponseDict:
    """Status to description and schema, for ``responses=`` of a route; ``one_of``: what its path names."""
    told = _EVERYWHERE | _INVALID
    told |= _SIGNED_IN if signed_in else {401: "These credentials are not known."}
    told |= _WITH_BODY if body else {}
    told |= {404: f"There is no such {one_of}."} if one_of else {}
    told |= _CONFLICT if idempotent else {}
    told |= _CONFIGURES if configures else {}
    told |= _ENDPOINTS if webhooks else {}
    told |= _PRECONDITION if idempotent and one_of else {}
    return _described(told)


def lost_place() -> ResponseDict:
    """What a route adds to them that reads the event log from a place on."""
    return _described(_PLACE)


def _described(told: Mapping[int, str]) -> ResponseDict:
    reference = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    content = {PROBLEM_JSON: {"schema": reference}}
    return {status: {"description": text, "content": content} for status, text in sorted(told.items())}
