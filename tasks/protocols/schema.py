"""The part of JSON Schema that structured answers use, checked here because gateways follow it loosely or not at all.

Known: type, enum, const, properties, required, additionalProperties (bool), items, minItems, maxItems, minLength,
maxLength, minimum, maximum, anyOf. Other keywords are not checked.
"""

from collections.abc import Iterator, Mapping
from itertools import islice

from catalogs.types import Json

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "null": (type(None),),
    "integer": (int,), "number": (int, float),
}  # fmt: skip
_MAX_PROBLEMS = 20
_MAX_DEPTH = 50


def problems(value: Json, schema: Mapping[str, Json]) -> tuple[str, ...]:
    """What is wrong with ``value``, as ``path: what`` lines (at most 20); empty if it is valid."""
    return tuple(islice(_walk(value, schema, "$", 0), _MAX_PROBLEMS))


def is_strict(schema: Mapping[str, Json]) -> bool:
    """Whether OpenAI's ``strict`` mode takes ``schema``: every object closed, every property required."""
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        if schema.get("additionalProperties") is not False or set(schema.get("required") or ()) != set(properties):
            return False
    inner = [*(schema.get("properties") or {}).values(), schema.get("items"), *(schema.get("anyOf") or ())]
    return all(is_strict(part) for part in inner if isinstance(part, Mapping))


def _walk(value: Json, schema: Mapping[str, Json], path: str, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        yield f"{path}: nested too deeply"
        return
    if "type" in schema and not _is_a(value, schema["type"]):
        yield f"{path}: expected {schema['type']}, found {type(value).__name__}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: not one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{path}: not {schema['const']!r}"
    options = schema.get("anyOf")
    if options and all(next(_walk(value, option, path, depth + 1), None) for option in options):
        yield f"{path}: fits none of the alternatives"
    yield from _bounds(value, schema, path)
    if isinstance(value, dict):
        yield from _object(value, schema, path, depth)
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from _walk(item, schema["items"], f"{path}[{index}]", depth + 1)


def _object(value: dict[str, Json], schema: Mapping[str, Json], path: str, depth: int) -> Iterator[str]:
    properties: Mapping[str, Json] = schema.get("properties") or {}
    for name in schema.get("required") or ():
        if name not in value:
            yield f"{path}.{name}: missing"
    for name, item in value.items():
        if name in properties:
            yield from _walk(item, properties[name], f"{path}.{name}", depth + 1)
        elif schema.get("additionalProperties") is False:
            yield f"{path}.{name}: not allowed"


def _bounds(value: Json, schema: Mapping[str, Json], path: str) -> Iterator[str]:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    length = len(value) if isinstance(value, str | list) else None
    low, high = ("minItems", "maxItems") if isinstance(value, list) else ("minLength", "maxLength")
    for measure, least, most in ((number, "minimum", "maximum"), (length, low, high)):
        if measure is not None and least in schema and measure < schema[least]:
            yield f"{path}: {measure} is below {least} {schema[least]}"
        if measure is not None and most in schema and measure > schema[most]:
            yield f"{path}: {measure} is above {most} {schema[most]}"


def _is_a(value: Json, wanted: Json) -> bool:
    names = wanted if isinstance(wanted, list) else [wanted]
    if isinstance(value, bool):
        return "boolean" in names
    if isinstance(value, float) and value.is_integer() and "integer" in names:
        return True
    return any(isinstance(value, _TYPES.get(name, (object,))) for name in names)
