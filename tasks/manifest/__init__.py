"""What has happened: the journal folded into Parquet rows, committed atomically, for any reader.

No Prefect, no HTTP. A pure function of the journal: it can always be rebuilt.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    # ``read_manifest`` is a public name of this package, but a room's sign imports nothing: pyarrow comes on demand.
    if name == "read_manifest":
        from tasks.manifest.readers import read_manifest

        return read_manifest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
