"""``python -m deployments.locks FILE…``: name every package that is locked with extras a second time, without them.

pip takes ``sqlalchemy[asyncio]==2.0.58`` and another package's plain ``sqlalchemy>=2.0`` for two things until it has
resolved both. If the other package comes first in the file, pip picks the newest SQLAlchemy for it, and then refuses
that for want of a hash: what could be installed yesterday cannot be today. uv writes only the one line.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

_BLOCK = re.compile(r"\n(?=\S)")
_WITH_EXTRAS = re.compile(r"([\w.-]+)\[[^\]]*\]")


def both_ways(text: str) -> str:
    """The lock file with a line without extras before each line with extras."""
    blocks = _BLOCK.split(text.rstrip("\n"))
    bare = {block for block in blocks if not _WITH_EXTRAS.match(block)}
    made = []
    for block in blocks:
        found = _WITH_EXTRAS.match(block)
        without = found[1] + block[found.end() :] if found else block
        made += [without] if found and without not in bare else []
        made.append(block)
    return "\n".join(made) + "\n"


def main(paths: Sequence[str]) -> None:
    """Rewrite the files."""
    for path in map(Path, paths):
        path.write_text(both_ways(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
