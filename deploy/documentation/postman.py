"""A Postman collection (v2.1) made from the OpenAPI document: it runs from the first request to the last."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

Json = dict[str, Any]

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"

# A path parameter or a field of a body that has one of these names is filled in from the variable.
VARIABLES = {
    "base_url": "http://127.0.0.1:8000",
    "api_key_id": "",
    "api_key_secret": "",
    "token": "",
    "transaction_id": "",
    "payout_id": "",
    "provider_name": "cpay",
    "letter_id": "01977777-7777-7777-8777-777777777777",
    "endpoint_id": "",
    "delivery_id": "",
    "test_id": "",
}

# After the operation at this path: which field of its answer goes into which variable.
REMEMBERED = {
    "/api/v1/auth/token": ("token", "access_token"),
    "/api/v1/payments/initialize": ("transaction_id", "id"),
    "/api/v1/payouts": ("payout_id", "id"),
    "/api/v1/webhook-endpoints": ("endpoint_id", "id"),
}

# Only a payment that has been taken can be given back, and taking it takes a moment.
WAITS_FOR_PAYMENT = frozenset({"/api/v1/payments/{transaction_id}/refund"})

# The collection's payment is taken at once: a capture or a cancellation of it may as well be refused. Its key need not
# be an admin's. An address has one endpoint, and the collection deletes its own before it asks about it further.
MAY_BE_REFUSED = {
    "/api/v1/payments/{transaction_id}/capture": 409,
    "/api/v1/payments/{transaction_id}/cancel": 409,
    "/api/v1/providers/{provider_name}/config": 403,
    "/api/v1/dead-letters": 403,
    "/api/v1/dead-letters/{letter_id}": 403,
    "/api/v1/dead-letters/replay": 403,
    "/api/v1/dead-letters/{letter_id}/replay": 403,
    "/api/v1/dead-letters/{letter_id}/discard": 403,
    "/api/v1/webhook-endpoints": 409,
    "/api/v1/webhook-endpoints/{endpoint_id}/rotate-secret": 404,
    "/api/v1/webhook-endpoints/{endpoint_id}/deliveries": 404,
    "/api/v1/webhook-endpoints/{endpoint_id}/recover": 404,
    "/api/v1/webhook-endpoints/{endpoint_id}/test": 404,
    "/api/v1/webhook-endpoints/{endpoint_id}/tests/{test_id}": 404,
    "/api/v1/webhook-deliveries/{delivery_id}": 404,
    "/api/v1/webhook-deliveries/{delivery_id}/resend": 404,
}

_WAIT = """\
const payment = {
  url: pm.variables.replaceIn("{{base_url}}/api/v1/payments/{{transaction_id}}"),
  header: {Authorization: pm.variables.replaceIn("Bearer {{token}}")},
};
const look = (looksLeft) => pm.sendRequest(payment, (error, answer) => {
  const completed = !error && answer.json().status === "completed";
  if (!completed && looksLeft > 0) setTimeout(() => look(looksLeft - 1), 200);
});
look(50);"""


def build_collection(document: Json) -> Json:
    """One folder for each tag, one request for each operation, in the document's order."""
    return {
        "info": {
            "name": document["info"]["title"],
            "description": _INTRODUCTION,
            "version": document["info"]["version"],
            "schema": SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": name, "value": value, "type": "string"} for name, value in VARIABLES.items()],
        "item": [_folder(tag["name"], document) for tag in document["tags"]],
    }


_INTRODUCTION = (
    "Made by `python -m deploy.documentation postman`; do not edit by hand. Set base_url, api_key_id and "
    "api_key_secret (API_URL, API_KEY_ID and API_KEY_SECRET of .local/gateway.env), then run the requests from the top."
)


def _folder(tag: str, document: Json) -> Json:
    operations = [(path, method, op) for path, method, op in _operations(document) if tag in op["tags"]]
    return {"name": tag, "item": [_item(path, method, op, document) for path, method, op in operations]}


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _item(path: str, method: str, operation: Json, document: Json) -> Json:
    return {
        "name": operation["summary"].removesuffix("."),
        "request": _request(path, method, operation, document),
        "response": [],
        "event": list(_events(path, operation)),
    }


def _request(path: str, method: str, operation: Json, document: Json) -> Json:
    request: Json = {
        "method": method.upper(),
        "description": operation.get("description", "").replace("<br/>", "\n").strip(),
        "header": list(_headers(operation)),
        "url": _url(path, operation),
    }
    if "security" not in operation:
        request["auth"] = {"type": "noauth"}
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        text = json.dumps(_example(schema, document), indent=2)
        request["body"] = {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}
    return request


def _headers(operation: Json) -> Iterator[Json]:
    if "requestBody" in operation:
        yield {"key": "Content-Type", "value": "application/json"}
    for parameter in _parameters(operation, "header"):
        value = "{{$guid}}" if parameter["name"] == "Idempotency-Key" else ""
        yield {"key": parameter["name"], "value": value, "description": parameter.get("description", "")}


def _url(path: str, operation: Json) -> Json:
    filled_in = path.replace("{", "{{").replace("}", "}}")
    url: Json = {"raw": "{{base_url}}" + filled_in, "host": ["{{base_url}}"], "path": filled_in.strip("/").split("/")}
    query = [_query(parameter) for parameter in _parameters(operation, "query")]
    return url | {"query": query} if query else url


def _query(parameter: Json) -> Json:
    value = str(parameter["schema"].get("default", ""))
    return {
        "key": parameter["name"],
        "value": value,
        "disabled": True,
        "description": parameter.get("description", ""),
    }


def _parameters(operation: Json, place: str) -> Iterator[Json]:
    return (parameter for parameter in operation.get("parameters", []) if parameter["in"] == place)


def _example(schema: Json, document: Json) -> object:
    """An object with what is required, what has an example, and what is one of our variables."""
    schema = _resolved(schema, document)
    required = schema.get("required", [])
    body: dict[str, object] = {}
    for name, given in schema["properties"].items():
        value = f"{{{{{name}}}}}" if name in VARIABLES else _value(given, document)
        if value is not None and value != {}:
            body[name] = value
        elif name in required:
            raise ValueError(f"{schema['title']}.{name} is required and has no example")
    return body


def _value(schema: Json, document: Json) -> object:
    """The first example that the schema, or a form that it may take, gives; ``None`` without one."""
    schema = _resolved(schema, document)
    if "properties" in schema:
        return _example(schema, document)
    found = [example for form in (schema, *schema.get("anyOf", ())) for example in form.get("examples", ())]
    return found[0] if found else None


def _resolved(schema: Json, document: Json) -> Json:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    resolved: Json = document["components"]["schemas"][reference.rpartition("/")[2]]
    return resolved


def _events(path: str, operation: Json) -> Iterator[Json]:
    if path in WAITS_FOR_PAYMENT:
        yield _script("prerequest", _WAIT.splitlines())
    yield _script("test", _checks(path, operation))


def _checks(path: str, operation: Json) -> Iterator[str]:
    status = next(iter(operation["responses"]))
    if path in MAY_BE_REFUSED:
        refused = MAY_BE_REFUSED[path]
        either = f"pm.expect(pm.response.code).to.be.oneOf([{status}, {refused}])"
        yield f'pm.test("answers {status} or {refused}", () => {either});'
    else:
        yield f'pm.test("answers {status}", () => pm.response.to.have.status({status}));'
    if path in REMEMBERED and "requestBody" in operation:
        variable, field = REMEMBERED[path]
        yield f'pm.collectionVariables.set("{variable}", pm.response.json().{field});'


def _script(moment: str, lines: Iterable[str]) -> Json:
    return {"listen": moment, "script": {"type": "text/javascript", "exec": list(lines)}}
