"""Check the published contract: schemas/ mirrors the packages byte by byte, and every schema keeps the rules.

The rules: valid JSON Schema 2020-12, a versioned URN as `$id`, no reference to anything that is not published
here, a title and a description on every property.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from tools.workspace import BIN, ROOT, inside, report, run

PUBLISHED = ROOT / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Under these a key is somebody's name, not a word of JSON Schema.
NAMED = {"properties", "patternProperties", "$defs"}
# Data, or conditions on properties that are described elsewhere.
NO_WORDS = {"default", "example", "examples", "enum", "const", "if", "then", "else", "not"}


def main() -> int:
    """Print each difference and each broken rule; return 1 if there is one."""
    with tempfile.TemporaryDirectory() as folder:
        if run(BIN / "crm", "schemas", "export", folder, quiet=True):
            return report(["schemas: `crm schemas export` failed, see above"])
        problems = list(differences(contents(Path(folder)), contents(PUBLISHED)))
    return report([*problems, *broken_rules()])


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, by its name there."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def differences(exported: dict[str, bytes], published: dict[str, bytes]) -> Iterator[str]:
    """Yield a sentence for each file that is missing, left over or different in schemas/."""
    for name in sorted(exported.keys() | published.keys()):
        if exported.get(name) != published.get(name):
            yield f"schemas/{name}: not what the packages hold now; run `make schemas`"


def broken_rules() -> Iterator[str]:
    """Yield a sentence for each rule that a published schema breaks."""
    paths = sorted(PUBLISHED.rglob("*.schema.json"))
    schemas = {inside(path): json.loads(path.read_bytes()) for path in paths}
    ids = {schema.get("$id") for schema in schemas.values()}
    for name, schema in schemas.items():
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            yield f"{name}: not valid JSON Schema at {error.json_path}: {error.message}"
            continue
        if schema.get("$schema") != DIALECT:
            yield f"{name}: $schema must be {DIALECT}"
        if not str(schema.get("$id", "")).startswith("urn:"):
            yield f"{name}: $id must be a versioned URN"
        for place, problem in walk(schema, "$", ids):
            yield f"{name}: {place}: {problem}"


def walk(node: Any, place: str, ids: set[str]) -> Iterator[tuple[str, str]]:
    """Yield place and problem for each property without words and each reference that leads outside."""
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from walk(item, f"{place}[{number}]", ids)
    if not isinstance(node, dict):
        return
    schema, _, _ = str(node.get("$ref", "")).partition("#")
    if schema and schema not in ids:
        yield place, f"$ref {schema} is no schema of ours"
    for key, value in node.items():
        if key in NAMED and isinstance(value, dict):
            for name, named in value.items():
                lacking = [word for word in ("title", "description") if word not in named]
                if key == "properties" and lacking:
                    yield f"{place}.{name}", f"has no {' and no '.join(lacking)}"
                yield from walk(named, f"{place}.{name}", ids)
        elif key not in NO_WORDS:
            yield from walk(value, f"{place}.{key}", ids)


if __name__ == "__main__":
    sys.exit(main())
