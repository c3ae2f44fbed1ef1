"""An export as WebDataset tar shards."""

import io
import tarfile

import orjson

from tasks.engine.exporting.layout import Layout, Rows
from tasks.engine.exporting.rows import Item
from tasks.engine.exporting.table import PROVENANCE, Table, origin, settle


class Shards:
    """``shard-00000.tar`` …: for each picture ``<key>.png``, ``<key>.txt`` (its prompt) and ``<key>.json``.

    Which shard a picture is in follows from its position alone, so the whole shards of a killed run need not be made
    again.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._provenance = Table(layout.to / PROVENANCE)
        self._made = layout.to / ".shard.new"
        self._tar: tarfile.TarFile | None = None
        self._open = -1  # the number of the shard in hand
        self._newest = -1
        there = layout.to.glob("shard-*.tar")
        self._whole = {path.name for path in there} if layout.resumed else set[str]()

    def has(self, item: Item) -> bool:
        """Whether the picture's shard was finished before."""
        return self._shard(item) in self._whole

    def add(self, rows: Rows) -> None:
        """Append samples, closing each shard that is full."""
        for item, body in rows:
            number = item.position // self._layout.per_shard
            if number != self._newest:
                self._close_shard()
                self._newest = number
            if body is not None:
                self._sample(item, body, number)
        self._provenance.add(
            [{**origin(item, self._layout.commit, ""), "shard": self._shard(item)} for item, _ in rows]
        )

    def close(self) -> None:
        """Name the last shard; remove those that an earlier export had more."""
        self._close_shard()
        self._provenance.close()
        for path in self._layout.to.glob("shard-*.tar"):
            if int(path.stem.removeprefix("shard-")) > self._newest:
                path.unlink()

    def abandon(self) -> None:
        """Keep whole shards."""
        if self._tar is not None:
            self._tar.close()
        self._made.unlink(missing_ok=True)
        self._provenance.abandon()

    def _sample(self, item: Item, body: bytes, number: int) -> None:
        if self._tar is None:
            self._tar = tarfile.open(self._made, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed when it is full
            self._open = number
        facts = {**item.facts, "tags": orjson.loads(item.facts["tags"]), "provenance": item.provenance}
        self._file(f"{item.name}.{item.extension}", body)
        self._file(f"{item.name}.txt", str(item.facts["text"]).encode())
        self._file(f"{item.name}.json", orjson.dumps(facts, option=orjson.OPT_SORT_KEYS))

    def _file(self, name: str, body: bytes) -> None:
        assert self._tar is not None
        head = tarfile.TarInfo(name)  # owner, times and mode are the same everywhere
        head.size, head.mode = len(body), 0o644
        self._tar.addfile(head, io.BytesIO(body))

    def _close_shard(self) -> None:
        if self._tar is None:
            return
        self._tar.close()
        settle(self._made, self._layout.to / f"shard-{self._open:05d}.tar")
        self._tar = None

    def _shard(self, item: Item) -> str:
        return f"shard-{item.position // self._layout.per_shard:05d}.tar"
