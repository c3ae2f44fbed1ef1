"""Keys by content: the canonical JSON of a request, the key of a call, and the keys of its results.

A call's key says "the same picture": it never holds a run id, a file name or a row number, so that reordering, renaming
or extending a catalog buys nothing again.
"""

import hashlib
import math
from collections.abc import Mapping

import orjson

from catalogs.types import Json

_ROUTING_DIGITS = 8  # the leading 32 bits choose the partition, so a result shares them with its call
_PLAIN = frozenset({str, int, bool, type(None)})


def canonical_json(value: Json) -> bytes:
    """UTF-8 JSON that is equal for equal values: sorted keys, no spaces, ``7.0`` written as ``7``.

    ``ValueError`` for what has no faithful JSON form: NaN and infinities, integers beyond 64 bits, lone surrogates,
    keys that are not text, objects of other types.
    """
    try:
        return orjson.dumps(_canonical(value), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"no canonical JSON form: {error}") from error


def call_key(request: Mapping[str, Json]) -> str:
    """64 hex digits naming one paid call: sha256 of the request's canonical JSON."""
    return hashlib.sha256(canonical_json(request)).hexdigest()


def result_key(key: str, sample: int) -> str:
    """64 hex digits naming result ``sample`` of the call ``key``; both lie in the same partition."""
    tail = hashlib.sha256(f"{key}/{sample}".encode()).hexdigest()
    return key[:_ROUTING_DIGITS] + tail[_ROUTING_DIGITS:]


def waiting_key(catalog: str, row_id: str, take: int) -> str:
    """64 hex digits that stand for the call of a row whose inputs are not known yet: only where its record lives."""
    return hashlib.sha256(f"{catalog}\0{row_id}\0{take}".encode()).hexdigest()


def _canonical(value: Json) -> Json:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is float:
        return _number(value)
    if kind is dict or isinstance(value, Mapping):  # asking an ABC takes as long as all the rest
        return {k: v if type(v) in _PLAIN else _canonical(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [v if type(v) in _PLAIN else _canonical(v) for v in value]
    raise ValueError(f"no canonical JSON form of {kind.__name__}")


def _number(value: float) -> float | int:
    # A typed Parquet column says 7.0 where a CSV says 7, and a gateway draws the same picture for both.
    if not math.isfinite(value):
        raise ValueError(f"no canonical JSON form of {value}")
    whole = int(value)
    return whole if whole == value and abs(whole) < 2**53 else value
