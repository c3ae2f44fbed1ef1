"""The journal with one rule broken each: the simulator must notice every one of them.

A variant says which rule it breaks and how, and overrides the one production part that keeps the rule.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import orjson

from tasks.journal.codec import decode_segment, encode_segment
from tasks.journal.events import Intent, Owner
from tasks.journal.fold import Attempt, Fold, Policy
from tasks.journal.late import drain, take_in
from tasks.journal.names import AnswerId, segment_name, segment_seq
from tasks.journal.partition import PartitionJournal
from tasks.journal.ports import Listed
from tasks.journal.purchase import buy
from tasks.journal.rules import Rules
from tasks.journal.writer import SegmentWriter
from tests.faults.journal_sim.build import Build, SimRuntime, SimSpool, SimStore


class PostsBeforeTheIntentIsDurable(Build):
    """1. The POST does not wait for its intent."""

    async def buy(self, owned: Any, intent: Intent, post: Any, turn: Any) -> Any:
        return await buy(_Impatient(owned), intent, post, turn)


class _Impatient:
    """An owned partition whose append of an intent returns at once."""

    def __init__(self, owned: Any) -> None:
        self._owned = owned

    def __getattr__(self, name: str) -> Any:
        return getattr(self._owned, name)

    async def append(self, event: Any) -> float:
        if isinstance(event, Intent):
            self._owned.append_soon(event)
            return float(self._owned.context.runtime.now_s())
        return float(await self._owned.append(event))


class TakesEveryConflictForItsOwn(Build):
    """2. After a conflict nobody compares the nonce: it must have been our own put."""

    class rules_class(Rules):  # noqa: N801 - an attribute of the build
        def is_ours(self, sent_nonce: str, found_nonce: str) -> bool:
            return True


class RetriesWithOtherBytes(Build):
    """2. A put is retried with what has queued up meanwhile as well, under the same nonce."""

    class journal_class(PartitionJournal):  # noqa: N801
        class writer_class(SegmentWriter):  # noqa: N801
            async def _win(self, checkpoints: Any, groups: Any) -> float:
                self._forming = (checkpoints, groups)
                return await super()._win(checkpoints, groups)

            async def _put(self, header: Any, body: bytes) -> bool:
                while True:
                    try:
                        if await self._store.raw.create(segment_name(self._partition, header.seq), body):
                            return True
                        found = await self._store.get(segment_name(self._partition, header.seq))
                        return found is not None and decode_segment(found).header.nonce == header.nonce
                    except (ConnectionError, TimeoutError):
                        await self._runtime.sleep(4)
                        checkpoints, groups = self._forming
                        more = self._take_groups()
                        groups += more
                        self._in_flight += [group.done for group in more]
                        body = self._form(header, checkpoints, groups)


class NeverValidatesAWin(Build):
    """3. A won number counts without a look above it."""

    class rules_class(Rules):  # noqa: N801
        def must_validate(self, *, opening: bool, since_confirmed_s: float) -> bool:
            return False


class ValidatesOnlyWhenOpening(Build):
    """3. A number won after a long sleep counts without a look above it."""

    class rules_class(Rules):  # noqa: N801
        def must_validate(self, *, opening: bool, since_confirmed_s: float) -> bool:
            return opening


class IgnoresConflicts(Build):
    """2. An owner that loses a number takes the next free one instead of stopping; nor does a look above stop it."""

    rules_class = ValidatesOnlyWhenOpening.rules_class

    class store_class(SimStore):  # noqa: N801
        async def create(self, key: str, body: bytes) -> bool:
            while not await super().create(key, body):
                if not key.endswith(".jsonl") or b'"kind":"opened"' in body:
                    return False
                mine = decode_segment(body).header
                with suppress(FileNotFoundError):
                    if decode_segment(await super().get(key)).header.nonce == mine.nonce:
                        return False
                seq = mine.seq + 1
                key = segment_name(key[8:10], seq)
                body = encode_segment(replace(mine, seq=seq), body.splitlines()[1:])
            return True


class SleepsWithoutNoticing(Build):
    """3. The clock stands still while the process is stopped."""

    class runtime_class(SimRuntime):  # noqa: N801
        def now_s(self) -> float:
            return super().now_s() - self._process.stopped_for


class ChecksPointsTooEarly(Build):
    """4. A checkpoint holds the fold of the moment in which it was asked for."""

    class rules_class(Rules):  # noqa: N801
        def checkpoint_of(self, fold: Fold) -> Callable[[], dict[str, Any]]:
            taken = orjson.dumps(fold.snapshot())
            return lambda: orjson.loads(taken)  # type: ignore[no-any-return]


class TakesMissingForAbsent(Build):
    """4. A segment that is gone below a listed tail is read as one that holds nothing."""

    class store_class(SimStore):  # noqa: N801
        async def get(self, key: str) -> bytes:
            try:
                return bytes(await super().get(key))
            except FileNotFoundError:
                if not key.endswith(".jsonl"):
                    raise
            owner = dict.fromkeys(("run_id", "host", "boot_id", "pid_ns", "started"), "")
            header = {"seq": segment_seq(key), "nonce": "", "checkpoint": 0, "at": "", "layout": 1}
            return orjson.dumps({**header, "owner": {**owner, "token": "t1", "pid": 0}})


class DeletesWhatNoCheckpointHolds(Build):
    """4. Segments are deleted by age, whether or not a checkpoint has replaced them."""

    class rules_class(Rules):  # noqa: N801
        def deletable(self, listed: Sequence[Listed], checkpoint: int) -> list[str]:
            newest = listed[-1].modified_at
            return [each.key for each in listed if newest - each.modified_at > self.timing.grace_s]


class SpoolsOnlyWhatTheJournalRefused(Build):
    """5. The answer is parsed and journalled first, and spooled if that fails."""

    class spool_class(SimSpool):  # noqa: N801
        async def put(self, answer: AnswerId, blob: bytes) -> None:
            self._in_memory = {answer: blob}

        async def get(self, answer: AnswerId) -> bytes:
            return getattr(self, "_in_memory", {}).get(answer) or await super().get(answer)


class SpoolsWithoutFsync(Build):
    """5. The spool says that an answer is safe, and it is not."""

    class spool_class(SimSpool):  # noqa: N801
        async def put(self, answer: AnswerId, blob: bytes) -> None:
            await super().put(answer, blob)
            self._world.spools[self._host].pop(answer, None)
            self._kept = {**getattr(self, "_kept", {}), answer: blob}

        async def get(self, answer: AnswerId) -> bytes:
            return getattr(self, "_kept", {}).get(answer) or await super().get(answer)


class DropsLateAnswers(Build):
    """6. An owner that was fenced throws its answer away."""

    class store_class(SimStore):  # noqa: N801
        async def create(self, key: str, body: bytes) -> bool:
            return "/late/" in key or bool(await super().create(key, body))


class DeletesLateAnswersOnReading(Build):
    """6. A late answer is deleted when it is read, not when the journal has it."""

    class store_class(SimStore):  # noqa: N801
        async def get(self, key: str) -> bytes:
            body = bytes(await super().get(key))
            if "/late/" in key:
                await super().delete(key)
            return body


class NeverDrainsTheSpool(Build):
    """6. What other processes of the host have spooled is nobody's business."""

    class spool_class(SimSpool):  # noqa: N801
        async def answers(self) -> Sequence[AnswerId]:
            return []


class BuysAgainWithoutLooking(Build):
    """7. A re-buy does not look into ``late/`` and the spool once more."""

    class rules_class(Rules):  # noqa: N801
        def looks_again(self, state: Any) -> bool:
            return False


class LooksOnlyBeforeTheIntent(Build):
    """7. The look into ``late/`` comes before the intent of the re-buy is durable, not after."""

    class rules_class(BuysAgainWithoutLooking.rules_class):  # noqa: N801
        pass

    async def buy(self, owned: Any, intent: Intent, post: Any, turn: Any) -> Any:
        state = owned.fold.key(intent.key)
        if Rules().looks_again(state):
            await drain(owned.context.store, owned.context.spool, partition=owned.name, key=intent.key)
            await take_in(owned, intent.key)
            if state.answer is not None:
                return None
        return await owned.buy(intent, post=post, turn=turn)


class PostsOnStaleIntents(Build):
    """8. A process that slept between intent and POST makes the call all the same."""

    class rules_class(Rules):  # noqa: N801
        def may_post(self, intent_age_s: float) -> bool:
            return True


class JudgesAnIntentBeforeItsTurn(Build):
    """8. A call waits for its turn after its intent was found fresh, and is not looked at again."""

    async def buy(self, owned: Any, intent: Intent, post: Any, turn: Any) -> Any:
        async def wait_and_post() -> bytes:
            await turn()
            return bytes(await post())

        return await owned.buy(intent, post=wait_and_post)


class TakesOverFromTheSameRun(Build):
    """9. "The same Prefect run" is taken for a proof that the old process is gone."""

    class runtime_class(SimRuntime):  # noqa: N801
        def gone(self, owner: Owner) -> bool:
            return owner.run_id == self._process.run_id or super().gone(owner)


class DoesNotBeat(Build):
    """9. An owner that waits for a slow answer gives no sign of life."""

    class store_class(SimStore):  # noqa: N801
        async def put(self, key: str, body: bytes) -> None:
            if "heartbeats" not in key:
                await super().put(key, body)


class NeverBeginsTheSilenceAnew(Build):
    """9. The time-out runs from the first look, whatever moves meanwhile."""

    class rules_class(Rules):  # noqa: N801
        def may_take_over(self, *, gone: bool, silent_s: float) -> bool:
            self._looks = getattr(self, "_looks", 0) + 1
            return gone or self._looks * self.timing.poll_s > self.timing.takeover_s


class TakesOverAtOnce(Build):
    """9. Whoever comes later owns the partition."""

    class rules_class(Rules):  # noqa: N801
        def may_take_over(self, *, gone: bool, silent_s: float) -> bool:
            return True


class DeclaresNothingUnknown(Build):
    """10. A new owner leaves the open intents of the old one as they are."""

    class rules_class(Rules):  # noqa: N801
        def declares_unknown(self, fold: Fold, late: set[tuple[str, str]]) -> list[Attempt]:
            return []


class ForgetsWhatItDoesNotKnow(Build):
    """10. A new owner withdraws the open intents of the old one: nothing says that they may have cost money."""

    class store_class(SimStore):  # noqa: N801
        def create(self, key: str, body: bytes) -> Any:
            if key.endswith(".jsonl") and b'"kind":"opened"' in body:
                segment = decode_segment(body)
                lines = [line.replace(b'"kind":"unknown"', b'"kind":"withdrawn"') for line in body.splitlines()[1:]]
                body = encode_segment(segment.header, lines)
            return super().create(key, body)


class RetriesUnknownsForEver(Build):
    """10. An unknown outcome is retried until it succeeds."""

    policy = Policy(max_unknown=10)


VARIANTS: tuple[type[Build], ...] = (
    PostsBeforeTheIntentIsDurable,
    TakesEveryConflictForItsOwn,
    RetriesWithOtherBytes,
    IgnoresConflicts,
    NeverValidatesAWin,
    ValidatesOnlyWhenOpening,
    SleepsWithoutNoticing,
    ChecksPointsTooEarly,
    TakesMissingForAbsent,
    DeletesWhatNoCheckpointHolds,
    SpoolsOnlyWhatTheJournalRefused,
    SpoolsWithoutFsync,
    DropsLateAnswers,
    DeletesLateAnswersOnReading,
    NeverDrainsTheSpool,
    BuysAgainWithoutLooking,
    LooksOnlyBeforeTheIntent,
    PostsOnStaleIntents,
    JudgesAnIntentBeforeItsTurn,
    TakesOverFromTheSameRun,
    DoesNotBeat,
    NeverBeginsTheSilenceAnew,
    TakesOverAtOnce,
    DeclaresNothingUnknown,
    ForgetsWhatItDoesNotKnow,
    RetriesUnknownsForEver,
)
