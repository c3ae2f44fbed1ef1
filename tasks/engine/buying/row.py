"""The life of one row inside its partition: buy, fetch, store, read back, finish. Its faults become its outcome."""

import asyncio
import logging
from functools import partial
from weakref import WeakValueDictionary

from catalogs.answers import JSON_SCHEMA
from catalogs.models import wire_id
from catalogs.types import Model
from tasks.engine.buying.answering import finished_answer, is_structured
from tasks.engine.buying.fitting import UnfitPicture, fitted
from tasks.engine.buying.pictures import Unfetchable, fetch_picture
from tasks.engine.buying.purchase import Buyer, Purchase
from tasks.engine.buying.settling import now
from tasks.engine.planning.choose import bytes_may_come, choose, is_read, reads_back
from tasks.engine.planning.request import VISION_MAX_TOKENS
from tasks.engine.planning.spill import PlannedRow
from tasks.engine.shared.progress import delivered
from tasks.engine.shared.reading import LOCAL_READER, reading_key
from tasks.engine.shared.services import Services
from tasks.journal import events as ev
from tasks.journal.errors import Fenced, StoreDown
from tasks.journal.fold import KeyState, outcome
from tasks.journal.partition import PartitionJournal
from tasks.protocols.masks import MaskError, safe_mask
from tasks.protocols.prompting import read_ocr, vision_prompt
from tasks.protocols.wire import Answer, Call, InputImage
from tasks.storage.containers import scan

log = logging.getLogger("printroom")


class RowWorker:
    """Works rows of one partition; many at a time, each independent of the others."""

    def __init__(self, services: Services, journal: PartitionJournal, buyer: Buyer) -> None:
        self._services, self._journal, self._buyer = services, journal, buyer
        self._keys: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def work(self, row: PlannedRow) -> None:
        """Do what is missing for one row. Only the journal's own errors (fenced, store down) come out.

        Rows of one key take turns: what the first has bought, the others find.
        """
        key = row.wanted.key
        assert key is not None
        async with self._keys.setdefault(key, asyncio.Lock()):
            await self._work(row, key)

    async def _work(self, row: PlannedRow, key: str) -> None:
        try:
            if row.action == "buy":
                await self._buyer.buy(self._purchase(row))
            elif row.action == "hold":
                await self._buyer.hold_if_due(key)
            state = self._journal.fold.keys.get(key)
            if state is not None and state.answer is not None:
                pictures = await self._complete(row, state)
                await self._read_back(row, state, pictures)
        except (Fenced, StoreDown, asyncio.CancelledError):
            raise
        except (FileNotFoundError, MaskError) as error:
            log.warning("row %s: input not available: %s", row.wanted.row_id, error)
            await self._fail(row, key, "input_unavailable")
        except UnfitPicture as error:
            log.warning("row %s: input not sent: %s", row.wanted.row_id, error)
            await self._fail(row, key, "invalid_request")
        except Exception as error:  # noqa: BLE001 - a fault in one row is that row's outcome, never the run's end
            log.error("row %s: %s", row.wanted.row_id, self._services.redactor.exception(error))  # noqa: TRY400
            await self._fail(row, key, "internal")
        self._count(row, key)

    async def fetch(self, row: PlannedRow) -> None:
        """Only the bytes of a known answer; whatever else the row needs comes with ``work``."""
        assert row.wanted.key is not None
        state = self._journal.fold.keys.get(row.wanted.key)
        if state is None or state.answer is None or row.wanted.operation == "vision":
            return
        try:
            await self._complete(row, state)
        except (Fenced, StoreDown, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - the same will happen to ``work``, which gives the row its outcome
            log.error("row %s: %s", row.wanted.row_id, self._services.redactor.exception(error))  # noqa: TRY400
        self._services.fetched_for.add(state.key)

    def _purchase(self, row: PlannedRow) -> Purchase:
        wanted, model = row.wanted, self._services.table.get(row.wanted.model)
        assert wanted.key is not None
        assert row.cap_micros is not None
        return Purchase(
            key=wanted.key, purpose=wanted.operation, catalog=wanted.catalog, row_id=wanted.row_id, take=wanted.take,
            model=model, endpoint=wanted.endpoint, samples=wanted.samples, cap_micros=row.cap_micros,
            make_call=lambda: self._call(row, model), reopens=row.release and self._still_closed(row),
        )  # fmt: skip

    def _still_closed(self, row: PlannedRow) -> bool:
        """Whether the key is as the plan saw it: another run may have bought it meanwhile."""
        state = self._journal.fold.keys.get(row.wanted.key or "")
        if state is None or len(state.attempts) != row.attempts:
            return False
        return choose(state, row.wanted, self._services.options).release

    async def _call(self, row: PlannedRow, model: Model) -> Call:
        """The call a row stands for, with the bytes of its inputs."""
        wanted, desk = row.wanted, self._services.desk
        loaded = [await self._services.patiently(partial(desk.load, source)) for source in row.inputs]
        images = [
            await fitted(image, model, partial(desk.as_png, source))
            for image, source in zip(loaded, row.inputs, strict=True)
            if not source.mask
        ]
        masks = [image for image, source in zip(loaded, row.inputs, strict=True) if source.mask]
        mask = None
        if masks:
            picture = scan(images[0].data)
            data = await asyncio.to_thread(safe_mask, masks[0].data, picture.width_px, picture.height_px)
            mask = InputImage(data=data, format="png", name="mask.png")
        params = dict(wanted.params)
        size, max_tokens = params.pop("size", None), params.pop("max_tokens", None)
        schema = params.pop(JSON_SCHEMA, None)
        return Call(
            operation=wanted.operation,  # type: ignore[arg-type]  # the journal keeps plain words
            format=model.formats[wanted.operation],  # type: ignore[index]  # the same
            wire_model=wire_id(model, self._services.family),
            prompt=wanted.prompt_sent,
            n=wanted.samples,
            size=size,
            params=params,
            images=tuple(images),
            mask=mask,
            image_field=model.image_field,
            vision=wanted.vision,  # type: ignore[arg-type]  # the same
            max_tokens=max_tokens,
            json_schema=schema,
            result=model.result,
        )

    async def _complete(self, row: PlannedRow, state: KeyState) -> dict[int, bytes]:
        """Fetch and store what the answer still lacks, and finish the key. Returns bytes that were just fetched."""
        assert state.answer is not None
        samples, tried = row.wanted.samples, state.key in self._services.fetched_for
        again = row.action == "fetch" and not tried and bytes_may_come(state, samples)
        if state.finished is not None and not again:
            return {}
        if row.wanted.operation == "vision":
            if ending := await self._answer_events(row, state):
                await self._journal.append(*ending)
            return {}
        missing = [(i, p) for i, p in enumerate(state.answer.pictures) if i not in state.stored]
        offered = [(i, p) for i, p in missing if p.url]
        results = await self._fetched(state.answer, offered)
        reasons = ["bad_image" for i, p in missing if p.bad and i < samples]
        fetched: dict[int, bytes] = {}
        events: list[ev.Event] = []
        for (index, _), result in zip(offered, results, strict=True):
            if isinstance(result, Unfetchable):
                reasons += [result.reason] if index < samples else []  # nobody asked for those beyond
            elif isinstance(result, BaseException):
                raise result
            else:
                events.append(result[0])
                fetched[result[0].sample_index] = result[1]
        self._services.progress.fetched += len(fetched)
        if len(state.answer.pictures) < samples or ev.NO_PICTURE in state.answer.pictures[:samples]:
            reasons.append("no_image")
        done, reason = ("failed", reasons[0]) if reasons else ("succeeded", None)
        finished = ev.Finished(at=now(), key=state.key, outcome=done, reason=reason, run_id=self._services.run_id)
        await self._journal.append(*events, finished)
        return fetched

    async def _fetched(
        self, answer: ev.Answered, missing: list[tuple[int, ev.AnsweredPicture]]
    ) -> list[tuple[ev.Stored, bytes] | BaseException]:
        """Each picture, or why there is none. The usual single one needs no task of its own."""
        if len(missing) != 1:
            works = [fetch_picture(self._services, answer, index, picture) for index, picture in missing]
            return await asyncio.gather(*works, return_exceptions=True)
        try:
            return [await fetch_picture(self._services, answer, *missing[0])]
        except Exception as error:  # noqa: BLE001 - the caller looks at it, as at those that gather returns
            return [error]

    async def _answer_events(self, row: PlannedRow, state: KeyState) -> list[ev.Event]:
        """What ends a vision row; nothing while a structured answer is still to be asked for again."""
        if not is_structured(row):
            return self._vision_events(row, state)
        model = self._services.table.get(row.wanted.model)
        return await finished_answer(
            self._services, self._journal, self._buyer, row, state, lambda: self._call(row, model)
        )

    def _vision_events(self, row: PlannedRow, state: KeyState) -> list[ev.Event]:
        """The end of a vision row: its text is the result; for ``ocr`` it is a reading as well."""
        assert state.answer is not None
        events: list[ev.Event] = []
        if row.wanted.vision == "ocr":
            status, text = _reading(state.answer)
            events.append(
                ev.Read(at=now(), key=state.key, sample_index=0, reader=row.wanted.model, status=status, text=text)
            )
        events.append(ev.Finished(at=now(), key=state.key, outcome="succeeded", run_id=self._services.run_id))
        return events

    async def _read_back(self, row: PlannedRow, state: KeyState, pictures: dict[int, bytes]) -> None:
        """Read the text of stored pictures that the row wants read. A failed reading changes no outcome."""
        ocr = self._services.options.ocr
        if not reads_back(row.wanted, ocr):
            return
        for index, stored in sorted(s for s in state.stored.items() if s[0] < row.wanted.samples):
            if self._services.stop.stopped:
                return
            if is_read(state, index, ocr):
                continue
            data = pictures.get(index) or await self._stored(stored.image_key)
            read = await (
                self._read_local(state, index, data) if ocr == "local" else self._read_paid(row, stored, data)
            )
            if read is not None:
                await self._journal.append(read)
                self._services.progress.read += 1

    async def _stored(self, key: str) -> bytes:
        return await self._services.patiently(lambda: self._services.store.get(key))

    async def _read_local(self, state: KeyState, index: int, data: bytes) -> ev.Read:
        seen = await self._services.reader.read(data)
        return ev.Read(
            at=now(), key=state.key, sample_index=index, reader=LOCAL_READER, status=seen.status, text=seen.text,
            confidence=seen.confidence,
        )  # fmt: skip

    async def _read_paid(self, row: PlannedRow, stored: ev.Stored, data: bytes) -> ev.Read | None:
        """A reading by a vision model: a paid call with a key of its own, in the same partition."""
        services, model = self._services, self._services.table.get(self._services.options.ocr)
        key = reading_key(self._journal.fold.key(stored.key), stored.sample_index, model.id)
        call = Call(
            operation="vision", format="chat_vision", wire_model=wire_id(model, services.family),
            prompt=vision_prompt("ocr", ""), images=(InputImage(data=data, format=stored.format),), vision="ocr",
            max_tokens=VISION_MAX_TOKENS, result="text",
        )  # fmt: skip

        async def make_call() -> Call:
            return call

        purchase = Purchase(
            key=key, purpose="ocr", catalog=row.wanted.catalog, row_id=row.wanted.row_id, take=row.wanted.take,
            model=model, endpoint="/chat/completions", samples=1, make_call=make_call,
            cap_micros=services.table.reading_cap(model, VISION_MAX_TOKENS, len(call.prompt)),
        )  # fmt: skip
        await self._buyer.buy(purchase)
        state = self._journal.fold.keys.get(key)
        now_is, _, _ = outcome(state)
        assert row.wanted.key is not None
        if state is not None and state.answer is not None:
            status, text = _reading(state.answer)
            await self._journal.append(ev.Finished(at=now(), key=key, outcome="succeeded", run_id=services.run_id))
        elif now_is in ("refused", "failed", "held"):
            status, text = ("refused" if now_is == "refused" else "failed"), None
        else:
            return None
        return ev.Read(
            at=now(), key=row.wanted.key, sample_index=stored.sample_index, reader=model.id, status=status, text=text
        )

    async def _fail(self, row: PlannedRow, key: str, reason: str) -> None:
        """Give a key without an answer its failure; one with an answer stays pending, for its bytes are known.

        A refused or held key that was to be opened again stays closed: nothing was tried.
        """
        state = self._journal.fold.keys.get(key)
        if row.release and self._still_closed(row) and outcome(state)[0] != "failed":
            return
        if state is None or (state.answer is None and not any(a.state == "open" for a in state.attempts.values())):
            event = ev.Finished(at=now(), key=key, outcome="failed", reason=reason, run_id=self._services.run_id)
            await self._journal.append(event)

    def _count(self, row: PlannedRow, key: str) -> None:
        state = self._journal.fold.keys.get(key)
        now_is, reason, _ = outcome(state)
        progress, run_id = self._services.progress, self._services.run_id
        progress.finished(now_is, reason)
        if (
            state is not None
            and row.action != "read"
            and any(a.state == "answered" and a.intent.run_id == run_id for a in state.attempts.values())
        ):
            progress.succeeded += delivered(state, row.wanted.samples)


def _reading(answer: ev.Answered) -> tuple[str, str | None]:
    """(status, text) of an OCR answer. One that was cut off is ``failed`` and keeps what there is of its text."""
    seen = read_ocr(Answer(text=answer.text, truncated=answer.truncated))
    return str(seen.status), answer.text if answer.truncated else seen.text
