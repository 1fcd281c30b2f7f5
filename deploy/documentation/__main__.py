"""Writes the documents: ``python -m deploy.documentation openapi|postman|all``."""

import json
from pathlib import Path

import click

from deploy.documentation.openapi import Json, build_openapi
from deploy.documentation.postman import build_collection

DOCS = Path(__file__).resolve().parents[2] / "docs"
FILES = {"openapi": "openapi.json", "postman": "postman_collection.json"}


def documents() -> dict[str, str]:
    """The text of each document, by the name that the command line knows it by."""
    openapi = build_openapi()
    return {"openapi": _text(openapi), "postman": _text(build_collection(openapi))}


def _text(document: Json) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


@click.command()
@click.argument("which", type=click.Choice([*FILES, "all"]))
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=DOCS)
def main(which: str, folder: Path) -> None:
    """Write WHICH document (or all) into the folder docs/."""
    for name, text in documents().items():
        if which in {name, "all"}:
            path = folder / FILES[name]
            path.write_text(text, encoding="utf-8")
            click.echo(f"{path} written")


if __name__ == "__main__":
    main()
