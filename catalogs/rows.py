"""One row of cells becomes one checked ``Row``, or complaints. Written for a million rows: positions, few objects."""

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from catalogs.checks import check_images
from catalogs.columns import SHAPE_COLUMNS, Layout
from catalogs.identity import BROKEN, Ids, Repeats
from catalogs.keys import canonical_json
from catalogs.models import MODELS
from catalogs.pictures import Pictures
from catalogs.problems import KEPT, BadCell, Complaint, Problems, shown
from catalogs.prompts import Prompts, split_tag
from catalogs.references import Feeding, References
from catalogs.row_cells import as_written, getter, judge_prompt, read_id, read_seed, read_take
from catalogs.shape_reading import read_shape
from catalogs.shapes import Shape
from catalogs.types import ImageRef, Model, Row

_SHAPES_KEPT = 20_000
_64_BITS = (1 << 64) - 1
_NOTHING_READ = Complaint(
    "expected_text",
    "a text",
    "ocr is not true here, so nothing is read back",
    None,
    "warning",
    "no ocr",
    about_file=True,
)


class RowMaker:
    """Makes the rows of one file, in order, and keeps what is known about all of them."""

    def __init__(
        self,
        layout: Layout,
        problems: Problems,
        pictures: Pictures,
        *,
        override: str | None,
        today: date,
        only_empty: bool = False,
        model_of: Callable[[str], Model] = MODELS.__getitem__,
    ) -> None:
        self.problems = problems
        self.ids = Ids()
        self.references = References(self.ids)
        self._pictures = pictures
        self._override, self._only_empty = override, only_empty
        self._today, self._model_of = today, model_of
        self._prompts = Prompts(layout)
        self._requests = Repeats()
        self._again: dict[str, int] = {}  # default ids that came more than once
        self._shapes: dict[Any, Shape] = {}
        at = layout.at
        self._id, self._take, self._seed = at.get("id"), at.get("take"), at.get("seed")
        self._images, self._mask, self._expected = at.get("images"), at.get("mask"), at.get("expected_text")
        self._prompt = at.get("prompt", 0)
        self._shape_names = [name for name in SHAPE_COLUMNS if name in at]
        self._shape_cells = getter([at[name] for name in self._shape_names])
        self._tag_names = list(layout.tags)
        self._tag_cells = getter(list(layout.tags.values()))

    def make(self, number: int, cells: Sequence[str]) -> Row | None:
        """The checked row ``number`` (1 = the first data row); None if it has errors, which are then reported."""
        shape = self._shape(self._shape_cells(cells))
        found: list[Complaint] = []
        prompt = cells[self._prompt] if self._prompts.plain else self._prompts.render(cells, found)
        if prompt.endswith("】") and shape.tags_ratio:
            prompt, shape = self._untagged(shape, prompt, found)
        sent = prompt.encode()
        if len(sent) > shape.free_bytes or not sent or prompt.isspace():
            judge_prompt(shape, prompt, found)
        images, mask = self._read_pictures(shape, cells, found)
        take = 1 if self._take is None else read_take(cells[self._take].strip(), found)
        seed = shape.seed if self._seed is None else read_seed(shape, cells[self._seed].strip(), found)
        expected = None if self._expected is None else cells[self._expected] or None
        if expected is not None and not shape.reads:
            found.append(_NOTHING_READ)
        row_id = "" if self._id is None else read_id(cells[self._id].strip(), found)
        good = not (found or shape.remarks) or self._passes(number, (*shape.remarks, *found))
        request = 0
        if good:
            request, own = self._digests(shape, cells, sent, seed)
            row_id = row_id or self._default_id(own)
        good = self._claims(row_id, number, shape.results if good else BROKEN) and good
        if images or mask:  # looked at for wrong rows too, so that nothing is left to be found the next time
            good = self._feeds_well(shape, row_id if good else f"\0{number}", number, images, mask) and good
        if not good:
            return None
        return Row(
            row_id=row_id,
            row_number=number,
            ordinal=self._requests.count(request if take == 1 else hash((request, take)) & _64_BITS),
            operation=shape.operation,
            model=shape.model_name,
            prompt=prompt,
            size=shape.size,
            ratio=shape.ratio,
            asked=shape.asked,
            n=shape.n,
            take=take,
            params=shape.params if seed is None else {**shape.params, "seed": seed},
            images=images,
            mask=mask,
            vision=shape.vision,
            ocr=shape.ocr,
            expected_text=expected,
            tags=self._tags(cells),
        )

    def finish(self) -> None:
        """At the end of the file: references to later rows."""
        self.references.settle(self.problems)

    def _shape(self, key: Any) -> Shape:
        shape = self._shapes.get(key)
        if shape is None:
            if len(self._shapes) >= _SHAPES_KEPT:
                self._shapes.clear()
            texts = dict(zip(self._shape_names, key, strict=True))
            hints = self.problems.error_count < KEPT  # a name like no other costs a look at all names
            shape = read_shape(
                texts, override=self._override, today=self._today, hints=hints, only_empty=self._only_empty,
                model_of=self._model_of,
            )  # fmt: skip
            self._shapes[key] = shape
        return shape

    def _untagged(self, shape: Shape, prompt: str, found: list[Complaint]) -> tuple[str, Shape]:
        """The prompt without its ratio tag, and the shape that the tag makes of the row's."""
        text, ratio = split_tag(prompt)
        if ratio is None:
            return prompt, shape
        try:
            return text, shape.with_ratio(ratio)
        except BadCell as bad:
            found.append(
                Complaint("prompt", shown(prompt[len(text) :].strip()), bad.allowed, bad.nearest, kind="ratio tag")
            )
            return text, shape

    def _read_pictures(
        self, shape: Shape, cells: Sequence[str], found: list[Complaint]
    ) -> tuple[tuple[ImageRef, ...], ImageRef | None]:
        text = "" if self._images is None else cells[self._images]
        mask_text = "" if self._mask is None else cells[self._mask]
        if not text and not mask_text and shape.operation == "generate":
            return (), None
        images, wrong = self._pictures.read("images", text)
        masks, wrong_masks = self._pictures.read("mask", mask_text)
        if len(masks) > 1:
            wrong_masks.append(Complaint("mask", f"{len(masks)} pictures", "one picture", kind="mask"))
        found.extend(wrong)
        found.extend(wrong_masks)
        mask = masks[0] if masks else None
        if shape.model is not None and not wrong and not wrong_masks:
            found.extend(check_images(shape.model, shape.operation, shape.vision, images, mask))
        return images, mask

    def _digests(self, shape: Shape, cells: Sequence[str], sent: bytes, seed: int | None) -> tuple[int, str]:
        """64 bits of the request as it is sent, and 12 hex digits of it as the row itself says it."""
        pictures = [as_written(cells[at]) for at in (self._images, self._mask) if at is not None and cells[at]]
        more = canonical_json([seed, pictures]) if pictures or seed is not None else b""
        request = shape.request.copy()
        request.update(b"%b\n%b" % (more, sent))
        digest = request.digest()
        own = digest
        if shape.own is not shape.request:
            said = shape.own.copy()
            said.update(b"%b\n%b" % (more, sent))
            own = said.digest()
        return int.from_bytes(digest[:8]), own[:6].hex()

    def _default_id(self, digits: str) -> str:
        name = row_id = f"row-{digits}"
        ordinal = self._again.get(name, 1)
        while self.ids.find(row_id) is not None:
            ordinal += 1
            row_id = f"{name}-{ordinal}"
        if ordinal > 1:
            self._again[name] = ordinal
        return row_id

    def _claims(self, row_id: str, number: int, results: int) -> bool:
        """Takes the id for the row; False (and reported) if an earlier row has it."""
        first = self.ids.claim(row_id, number, results) if row_id else None
        if first is None:
            return True
        allowed = f"ids are unique; row {first.row_number:,} has this one"
        self.problems.add(Complaint("id", shown(row_id), allowed, kind="repeated id"), number)
        return False

    def _feeds_well(
        self, shape: Shape, row_id: str, number: int, images: tuple[ImageRef, ...], mask: ImageRef | None
    ) -> bool:
        """Takes down what the row waits for; False (and reported) if that is already known to be wrong."""
        if not any(ref.kind == "row" for ref in (*images, *((mask,) if mask else ()))):
            return True
        least = 2 if shape.vision == "compare" else 1
        most = shape.model.max_images if shape.model and shape.operation != "generate" else sys.maxsize
        row = Feeding(row_id, number, images, mask, least, most, shape.model_name)
        return self._passes(number, self.references.take(row))

    def _passes(self, number: int, complaints: Iterable[Complaint]) -> bool:
        """Reports all of them; False if one is an error."""
        good = True
        for complaint in complaints:
            self.problems.add(complaint, number)
            good = good and complaint.severity != "error"
        return good

    def _tags(self, cells: Sequence[str]) -> dict[str, str]:
        tags = dict(zip(self._tag_names, self._tag_cells(cells), strict=True)) if self._tag_names else {}
        return {**self._prompts.labels(cells), **tags} if self._prompts.has_labels else tags
