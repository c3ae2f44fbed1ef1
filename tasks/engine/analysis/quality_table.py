"""Quality by cell as one table, for the usage report: by model, and by each tag that tells kinds of pictures apart."""

from collections import defaultdict

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.engine.analysis.quality import cells

AFTER_A_RUN = 5_000  # pictures, about 0.1 CPU-s a tag; the command `report` takes ten times as many
VALUES_MOST = 50  # a tag with more values tells rows apart, not kinds
COLUMNS = ("cell", "value", "pictures", "near_duplicates", "diversity", "blank", "size_asked", "size_wrong")


def quality_table(manifest: pa.Table, pictures_most: int) -> pd.DataFrame | None:
    """One line per value of ``model`` and of each such tag; None if the manifest holds more pictures than that."""
    if manifest.num_rows - manifest["sha256"].null_count > pictures_most:
        return None
    kinds = {"model": "model", **{name: f"tag:{name}" for name in _kinds(manifest)}}
    lines = [
        (name, cell.value, cell.pictures, cell.pictures - cell.groups, cell.diversity, cell.blank, cell.size_asked,
         cell.size_wrong)
        for name, by in kinds.items() for cell in cells(manifest, by)
    ]  # fmt: skip
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _kinds(manifest: pa.Table) -> list[str]:
    values = defaultdict[str, set[str | None]](set)
    for pairs in manifest.filter(pc.is_valid(manifest["sha256"]))["tags"].to_pylist():
        for name, value in pairs or ():
            values[name].add(value)
    return sorted(name for name, found in values.items() if 1 < len(found) <= VALUES_MOST)
