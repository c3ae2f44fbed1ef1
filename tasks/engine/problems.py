"""What makes a plan impossible, as one exception that carries every problem."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from catalogs.problems import Problems
from catalogs.types import Problem
from tasks.protocols.redact import PATTERNS


class InvalidCatalog(Exception):
    """The catalogs cannot be run. ``problems`` lists what is wrong (1,000 a file at most), ``lines`` says it."""

    def __init__(
        self, problems: Sequence[Problem], lines: Sequence[str] | None = None, total: int | None = None
    ) -> None:
        self.problems = [_without_secrets(problem) for problem in problems]
        words = lines if lines is not None else [str(problem) for problem in problems]
        self.lines = [PATTERNS.text(line) for line in words]
        self.total = len(self.problems) if total is None else total
        super().__init__(f"{self.total} problems in the catalogs")

    @classmethod
    def of(cls, files: Iterable[Problems]) -> "InvalidCatalog":
        """The problems of several files together."""
        read = list(files)
        return cls(
            [problem for file in read for problem in file.errors],
            [line for file in read for line in file.lines()],
            sum(file.error_count for file in read),
        )


def _without_secrets(problem: Problem) -> Problem:
    """A cell may hold a signed URL; what is shown of it must not."""
    return replace(problem, file=PATTERNS.text(problem.file), found=PATTERNS.text(problem.found))
