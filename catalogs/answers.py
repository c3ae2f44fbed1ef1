"""The schema that the answer of a vision row is to follow, ``params={"json_schema": {…}}``, checked before paying.

The part of JSON Schema that is checked on the answer stands in ``tasks/protocols/schema.py``; other keywords may be
there, since models understand them, and are not checked.
"""

from collections.abc import Iterator, Mapping
from itertools import islice

from catalogs.types import Json

JSON_SCHEMA = "json_schema"
_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_MOST_LEVELS, _MOST_CHARS = 20, 20_000


def schema_fault(value: Json) -> str | None:
    """What keeps ``value`` from being the schema of an answer; None if nothing does."""
    if not isinstance(value, dict):
        return "a JSON Schema, which is an object"
    if len(str(value)) > _MOST_CHARS:
        return f"a JSON Schema of at most {_MOST_CHARS:,} characters"
    if value.get("type", "object") != "object" or not isinstance(value.get("properties"), dict):
        return 'a JSON Schema with "type": "object" and "properties": {…}, as gateways want it'
    return next(islice(_faults(value, "$", 0), 1), None)


def _faults(schema: Mapping[str, Json], path: str, level: int) -> Iterator[str]:
    if level > _MOST_LEVELS:
        yield f"a JSON Schema of at most {_MOST_LEVELS} levels"
        return
    kinds = schema.get("type", [])
    if any(kind not in _TYPES for kind in (kinds if isinstance(kinds, list) else [kinds])):
        yield f"{path}.type: one of {', '.join(sorted(_TYPES))}"
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        yield f"{path}.properties: an object of schemas"
        return
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield f"{path}.required: a list of names"
    elif unknown := [name for name in required if properties and name not in properties]:
        yield f"{path}.required: names of properties, which {unknown[0]!r} is not"
    inner = {**properties, **({"items": schema["items"]} if "items" in schema else {})}
    for name, part in inner.items():
        if isinstance(part, dict):
            yield from _faults(part, f"{path}.{name}", level + 1)
        else:
            yield f"{path}.{name}: a schema, which is an object"
