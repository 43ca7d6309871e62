"""Validates an OpenAPI document, and each of its examples against the schema beside it.

    check.py FILE

Prints how many examples were compared; what is wrong goes to standard error, with exit 1.
"""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = "urn:document"


def contents(document):
    """Each body's schema with the examples beside it, and where they stand."""

    def walk(node, place):
        if isinstance(node, dict):
            content = node.get("content")
            if isinstance(content, dict):
                for media_type, inner in content.items():
                    here = [*place, "content", media_type]
                    named = inner.get("examples", {})
                    shown = [(name, example["value"]) for name, example in named.items()]
                    yield here, inner.get("schema", {}), shown
            for name, inner in node.items():
                if name not in ("example", "examples", "schema"):
                    yield from walk(inner, [*place, name])
        elif isinstance(node, list):
            for index, inner in enumerate(node):
                yield from walk(inner, [*place, str(index)])

    return walk(document, [])


def properties(schema, place):
    """Each schema with examples of its own that stands in another."""
    if isinstance(schema, dict):
        if isinstance(schema.get("examples"), list):
            yield place, schema, [("own", value) for value in schema["examples"]]
        for name, inner in schema.items():
            if name not in ("examples", "enum"):
                yield from properties(inner, [*place, name])
    elif isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from properties(inner, [*place, str(index)])


def main(path):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    validate(document)
    resource = Resource(contents=document, specification=DRAFT202012)
    registry = Registry().with_resource(ROOT, resource)

    def absolute(schema):
        if isinstance(schema, dict):
            return {
                name: ROOT + value if name == "$ref" else absolute(value)
                for name, value in schema.items()
            }
        return [absolute(value) for value in schema] if isinstance(schema, list) else schema

    faults, compared = [], 0
    everything = [*contents(document), *properties(document, [])]
    for place, schema, examples in everything:
        validator = Draft202012Validator(absolute(schema), registry=registry)
        for name, value in examples:
            compared += 1
            for error in validator.iter_errors(value):
                faults.append(f"{'/'.join(place)} {name}: {error.message}")
    print(compared)
    if faults:
        sys.exit("\n".join(faults))


main(sys.argv[1])
