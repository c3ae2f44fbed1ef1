"""Nothing secret leaves a run: log records, what it says, and the errors that end it are redacted here."""

from collections.abc import Iterator
from contextlib import contextmanager

from tasks.protocols.redact import Redactor


@contextmanager
def redacted_errors(redactor: Redactor) -> Iterator[None]:
    """Take secrets out of an error that goes up, and of what caused it: Prefect stores its words in a state."""
    try:
        yield
    except Exception as error:
        link: BaseException | None = error
        while link is not None:
            link.args = tuple(redactor.text(word) if isinstance(word, str) else word for word in link.args)
            link = link.__cause__ or link.__context__
        raise
