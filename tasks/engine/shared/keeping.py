"""Putting an image into the store, patiently, for its bytes are paid for; and finding one that was put before."""

import asyncio
import random
from datetime import datetime

from tasks.journal import events as ev
from tasks.journal.errors import StoreDown
from tasks.storage.inspect import ImageFacts, inspect_image
from tasks.storage.keys import image_key
from tasks.storage.store import Denied, ObjectInfo, Store

PATIENCE_S = 300.0
_CLOCKS_APART_S = 300.0  # how far the store's clock may be behind ours


async def keep_image(store: Store, facts: ImageFacts, answered: str, *, patience_s: float = PATIENCE_S) -> str:
    """Store the picture under its content key, which is returned. ``answered`` names the answer it belongs to.

    A store that is away is tried again for ``patience_s``, then ``StoreDown``; at once if it says no. Whoever cannot
    keep a picture must not buy another one.
    """
    key = image_key(facts.sha256, facts.format)
    loop = asyncio.get_running_loop()
    give_up_at, pause_s = loop.time() + patience_s, 0.2
    while True:
        try:
            await store.put(key, facts.data, content_type=facts.content_type, metadata={"answer": answered})
        except Denied as error:
            raise StoreDown(f"the store takes no image: {error}") from error
        except (ConnectionError, TimeoutError) as error:
            if loop.time() > give_up_at:
                raise StoreDown(f"an image could not be stored for {patience_s:.0f} s: {error}") from error
            await asyncio.sleep(random.uniform(pause_s / 2, pause_s))
            pause_s = min(5.0, 2 * pause_s)
        else:
            return key


def answer_tag(key: str, attempt: str, index: int) -> str:
    """What an image's metadata says of where it came from."""
    return f"{key}.{attempt}.{index}"


class LostAndFound:
    """Looks for an image that was stored just before a crash, when the URL it came from has died since."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listed: list[ObjectInfo] | None = None

    async def find(self, answer: ev.Answered, index: int) -> tuple[str, ImageFacts] | None:
        """The stored picture of an answer and its key, or None. Lists all images once per run, and only if needed."""
        if self._listed is None:
            self._listed = await self._store.list("images/")
        since = datetime.fromisoformat(answer.at).timestamp() - _CLOCKS_APART_S
        wanted = answer_tag(answer.key, answer.attempt, index)
        for info in self._listed:
            if info.modified_at < since:
                continue
            if (await self._store.metadata(info.key)).get("answer") == wanted:
                return info.key, await asyncio.to_thread(inspect_image, await self._store.get(info.key))
        return None
