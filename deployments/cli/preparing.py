"""What ``plan`` and ``run`` do first, and the mistakes that end them with one clear message and exit code 2."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from catalogs.providers import UnknownProvider
from deployments.cli.output import catalog_problems, usage_problem
from deployments.cli.parsing import UsageMistake
from tasks.engine.options import RunOptions
from tasks.engine.problems import InvalidCatalog
from tasks.journal.dataset import find_dataset
from tasks.journal.errors import JournalError
from tasks.manifest.commits import BadCommit
from tasks.settings import MissingKey, Settings, read_settings
from tasks.storage.open import BadUri, UnsafeStore, open_store
from tasks.storage.store import Denied, Store, StoreError, Unavailable


@dataclass(slots=True)
class Mistakes:
    """The exit code of a mistake, or 0."""

    exit_code: int = 0


@contextmanager
def planning_mistakes(*, as_json: bool) -> Iterator[Mistakes]:
    """Turn everything that can be wrong before anything is spent into its message and exit code 2."""
    mistakes = Mistakes()
    try:
        yield mistakes
    except InvalidCatalog as error:
        mistakes.exit_code = catalog_problems(error, as_json=as_json)
    except Unavailable as error:
        hint = "" if isinstance(error, Denied) else " (check the network and AWS_ENDPOINT_URL_S3)"
        mistakes.exit_code = usage_problem(f"{_in_short(str(error))}{hint}", as_json=as_json)
    except (MissingKey, JournalError, BadCommit, UnsafeStore, BadUri, StoreError) as error:
        mistakes.exit_code = usage_problem(str(error), as_json=as_json)


def _in_short(text: str) -> str:
    """What S3 says of an error is a page of XML, of which a person wants the message."""
    message = re.search(r"<Message>(.*?)</Message>", text)
    return f"{text.partition(': ')[0]}: {message[1]}" if message else text


def settings_for(options: RunOptions) -> Settings:
    """The environment's settings for the provider that was asked for."""
    try:
        return read_settings(options.provider)
    except UnknownProvider as error:
        raise UsageMistake(str(error)) from None
    except ValueError as error:
        raise UsageMistake(f"PRINTROOM_BASE_URL: {error}") from None


async def existing_dataset(uri: str) -> Store:
    """The store of a dataset that is there and that we can read; asks once, since a person is waiting.

    ``UsageMistake`` if there is none, ``DatasetProblem`` if its layout is not known.
    """
    store = open_store(uri)
    if await find_dataset(store) is None:
        what = f"{uri}: there is no dataset here yet; `printroom run CATALOG --dataset {uri}` creates one"
        raise UsageMistake(what)
    return store
