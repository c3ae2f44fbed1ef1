"""The input pictures a row names: read from the cell, and looked for once each if they are files."""

import os
from collections.abc import Callable

from catalogs import cells as parse
from catalogs.problems import BadCell, Complaint, escaped, nearest, shown
from catalogs.types import ImageRef

_FILES_KEPT = 100_000  # answers remembered; forgotten all together when there are more
_NEIGHBOURS = 2_000  # file names a missing one is compared with
_HINTS = 20  # missing files that get a "did you mean"


class Pictures:
    """Finds the files that rows name, each asked for once."""

    def __init__(self, base: str | None, file_exists: Callable[[ImageRef], bool] | None) -> None:
        self.base = base
        self._exists = file_exists or _is_file
        self._known: dict[ImageRef, bool] = {}
        self._hints_left = _HINTS

    def read(self, column: str, text: str) -> tuple[tuple[ImageRef, ...], list[Complaint]]:
        """The pictures of a cell, with a complaint about each that is not there."""
        try:
            refs = parse.image_refs(text, self.base)
        except BadCell as bad:
            return (), [bad.complaint(column, text)]
        return refs, [self._missing(column, ref) for ref in refs if ref.kind in ("file", "s3") and not self._there(ref)]

    def _there(self, ref: ImageRef) -> bool:
        known = self._known.get(ref)
        if known is None:
            if len(self._known) >= _FILES_KEPT:
                self._known.clear()
            known = self._known[ref] = self._exists(ref)
        return known

    def _missing(self, column: str, ref: ImageRef) -> Complaint:
        allowed, path = "a file that is there", ref.target
        if self.base is not None and path.startswith(f"{self.base}/"):
            allowed, path = f"a file that is there, below {escaped(self.base)}", path[len(self.base) + 1 :]
        self._hints_left -= 1
        close = _nearest_file(ref) if self._hints_left >= 0 else None
        return Complaint(column, shown(path), allowed, close, kind="missing file")


def _is_file(ref: ImageRef) -> bool:
    try:
        return ref.kind != "file" or os.path.isfile(ref.target)  # noqa: PTH113 - half the cost of a Path
    except ValueError:
        return False


def _nearest_file(ref: ImageRef) -> str | None:
    folder, _, name = ref.target.rpartition("/")
    try:
        return nearest(name, os.listdir(folder)[:_NEIGHBOURS]) if ref.kind == "file" else None  # noqa: PTH208 - names only
    except (OSError, ValueError):
        return None
