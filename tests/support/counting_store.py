"""A store that takes down what it is asked: by verb and by the first part of the key."""

from collections import Counter
from typing import Any

PUTS = ("create", "put", "replace")
READS = ("get", "get_with_etag", "head", "metadata", "list")


class CountingStore:
    """Passes everything on to a store; ``asked`` counts (verb, room)."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.asked: Counter[tuple[str, str]] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in (*PUTS, *READS, "delete"):
            return found

        async def counted(key: str, *args: Any, **options: Any) -> Any:
            self.asked[name, key.partition("/")[0]] += 1
            return await found(key, *args, **options)

        return counted

    def puts(self) -> dict[str, int]:
        """Objects written, or tried to be written, by the first part of their key."""
        counts: Counter[str] = Counter()
        for (verb, room), times in self.asked.items():
            counts[room] += times * (verb in PUTS)
        return dict(counts)
