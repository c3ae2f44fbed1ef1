"""Catalog ids become parts of keys in a store: 10,000 of them escape nowhere and meet nowhere."""

import random
import unicodedata
from pathlib import Path

from deployments.sandbox.process import SandboxProcess
from tasks.storage.keys import slug
from tests.support.runs import current_rows, run, write_catalog

_PIECES = (
    *("..", "/", "\\", "~", "%2e%2e", "%00", " ", "\t", "é", "e\u0301", "ﬁ", "图", "\u202e", "CON", "A", "a", ".", "-"),
    *("x" * 90, "'", '"', "$(id)", "`", ";", "|", "*", "?", "<b>", "s3://b/", "C:", "\u2028", "=", "@", "0"),
)


def ids(count: int, seed: int = 7) -> list[str]:
    rng = random.Random(seed)
    found: set[str] = set()
    while len(found) < count:
        found.add("".join(rng.choice(_PIECES) for _ in range(rng.randint(1, 6))))
    return sorted(found)


def test_10_000_names_have_10_000_keys_that_stay_in_their_folder(tmp_path: Path) -> None:
    names = ids(10_000)
    keys = [slug(name) for name in names]
    assert len({unicodedata.normalize("NFC", key).casefold() for key in keys}) == 10_000, "two names share a key"
    assert [key for key in keys if not (tmp_path / key).resolve().is_relative_to(tmp_path)] == []
    assert [key for key in keys if "/" in key or key[:1] in ".-" or len(key.encode()) > 200] == []


async def test_rows_with_such_ids_come_through_a_run_as_they_are(tmp_path: Path, gateway: SandboxProcess) -> None:
    names = [name for name in ids(400) if name.strip() == name and name.isprintable()][:60]
    rows = [{"id": name, "model": "dall-e-2", "prompt": f"lake {n}"} for n, name in enumerate(names)]
    outside = set(tmp_path.iterdir())
    catalog = write_catalog(tmp_path / "..c&1.csv", rows)
    result = await run(catalog, tmp_path / "ds", gateway, catalog_name="../../<b>c")
    assert (result.succeeded, result.exit_code) == (len(names), 0)
    made = current_rows(tmp_path / "ds")
    assert {row["row_id"] for row in made} == set(names)
    assert set(tmp_path.iterdir()) - outside == {catalog, tmp_path / "ds"}
