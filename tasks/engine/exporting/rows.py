"""One exported row: its file name, what training reads about it, and where it comes from."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from tasks.storage.keys import slug

_FROM_MANIFEST = (
    *("row_id", "catalog", "take", "sample_index", "operation", "model", "prompt", "revised_prompt", "outcome"),
    *("outcome_reason", "width_px", "height_px", "expected_text", "ocr_text", "ocr_status", "cer", "answer_text"),
    *("answer_json", "cost_usd", "ocr_cost_usd"),
)
_PROVENANCE = (
    "provider",
    "model",
    "endpoint",
    "finished_at",
    "has_c2pa",
    "sha256",
    "result_key",
    "run_id",
    "input_sha256s",
)
#: What an export reads of the manifest.
COLUMNS = frozenset(
    {*_FROM_MANIFEST, *_PROVENANCE, "image_uri", "format", "size_bytes", "prompt_sent", "tags", "current"}
)
_EXTENSIONS = {"jpeg": "jpg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row to be exported; ``image_key`` None = it has no picture."""

    position: int  # among all that are exported
    name: str  # without extension: <catalog>/<row id>-<12 hex digits of its request>
    extension: str
    image_key: str | None
    sha256: str | None
    size_bytes: int
    facts: dict[str, Any]  # text first: the prompt as the catalog means it
    provenance: dict[str, Any]

    @property
    def file_name(self) -> str | None:
        """The picture's path below the folder of pictures."""
        return None if self.image_key is None else f"{self.name}.{self.extension}"


def item_of(row: dict[str, Any], position: int) -> Item:
    """The item of a manifest row. The same row always gives the same item."""
    facts = {"text": row["prompt"], **{name: row[name] for name in _FROM_MANIFEST if name != "prompt"}}
    for name in ("cost_usd", "ocr_cost_usd"):
        facts[name] = None if facts[name] is None else str(facts[name])
    facts["tags"] = json.dumps(dict(row["tags"] or ()), ensure_ascii=False, sort_keys=True)
    provenance = {name: row[name] for name in _PROVENANCE}
    made_at = provenance.pop("finished_at")
    return Item(
        position=position,
        name=f"{_safe(row['catalog'])}/{_safe(row['row_id'])}-{row['result_key'][:12]}-{row['take']}-{row['sample_index']}",
        extension=_EXTENSIONS.get(row["format"] or "", row["format"] or ""),
        image_key=row["image_uri"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"] or 0,
        facts=facts,
        provenance=provenance
        | {
            "generated_at": None if made_at is None else made_at.isoformat(),
            "prompt_sha256": hashlib.sha256((row["prompt_sent"] or "").encode()).hexdigest(),
        },
    )


def _safe(text: str) -> str:
    """A file name's part; WebDataset takes what follows the first dot for the extension."""
    return slug(text).replace(".", "_")
