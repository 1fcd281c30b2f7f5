"""The committed API documents are those that the application makes now."""

import pytest

from deploy.documentation.__main__ import DOCS, FILES, documents
from deploy.documentation.postman import VARIABLES, Json, build_collection


@pytest.fixture(scope="module")
def made_now() -> dict[str, str]:
    return documents()


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_committed_document_is_what_the_application_makes(name: str, made_now: dict[str, str]) -> None:
    committed = (DOCS / FILES[name]).read_text(encoding="utf-8")

    assert committed == made_now[name], f"run: .venv/bin/python -m deploy.documentation {name}"


def test_every_operation_is_in_the_collection() -> None:
    operations = {"/a": ("post", "A"), "/b/{transaction_id}": ("get", "B")}

    collection = build_collection(_document(operations))

    requests = [item["request"] for folder in collection["item"] for item in folder["item"]]
    assert [(each["method"], each["url"]["raw"]) for each in requests] == [
        ("POST", "{{base_url}}/a"),
        ("GET", "{{base_url}}/b/{{transaction_id}}"),
    ]


def test_every_variable_that_a_request_mentions_is_declared(made_now: dict[str, str]) -> None:
    mentioned = {part.partition("}}")[0] for part in made_now["postman"].split("{{")[1:]}

    assert mentioned - {"$guid"} <= set(VARIABLES)


def test_a_required_field_without_an_example_is_refused() -> None:
    document = _document({"/a": ("post", "A")})
    schema = {"title": "Body", "required": ["amount"], "properties": {"amount": {"type": "string"}}}
    document["paths"]["/a"]["post"]["requestBody"] = {"content": {"application/json": {"schema": schema}}}

    with pytest.raises(ValueError, match=r"Body\.amount"):
        build_collection(document)


def _document(operations: dict[str, tuple[str, str]]) -> Json:
    paths = {
        path: {method: {"tags": [tag], "summary": f"{tag}.", "responses": {"200": {}}}}
        for path, (method, tag) in operations.items()
    }
    tags = [{"name": tag} for _, tag in operations.values()]
    return {"info": {"title": "T", "version": "1"}, "tags": tags, "paths": paths}
