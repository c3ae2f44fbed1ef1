"""The part of a row that repeats: model, operation, size, parameters. Each combination is read and checked once."""

import sys
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from catalogs.checks import fit_ratio
from catalogs.keys import canonical_json
from catalogs.models import params_for
from catalogs.problems import BadCell, Complaint
from catalogs.types import Json, Model, Operation, Param, VisionTask


@dataclass(slots=True)
class Shape:
    """One checked combination. ``remarks`` are its complaints and warnings: with an error no such row is handed on.

    ``model`` None: it could not be told which, so nothing was checked against it.
    """

    operation: Operation = "generate"
    model_name: str = ""  # canonical id or "auto:<purpose>", as Row.model
    model: Model | None = None
    size: str | None = None
    ratio: str | None = None
    asked: tuple[str | None, str | None] = (None, None)  # as Row.asked
    n: int = 1
    params: dict[str, Json] = field(default_factory=dict)  # without the seed
    seed: int | None = None
    vision: VisionTask | None = None
    ocr: bool = False
    remarks: list[Complaint] = field(default_factory=list)
    # What follows is worked out once, for the rows.
    tag: str = ""
    tags_ratio: bool = False
    free_bytes: int = sys.maxsize  # a prompt of so many bytes is within every limit
    needs_prompt: bool = True
    reads: bool = True  # whether text is read, so that an expected text has a meaning
    results: int = 1
    seed_rule: Param | None = None
    request: Any = None  # sha256 so far of what is sent
    own: Any = None  # the same with the model the row itself names, for ids that an override does not change
    own_model: str = ""
    _by_tag: dict[str, "Shape"] = field(default_factory=dict)

    def settle(self) -> "Shape":
        """Works out what the rows need to know."""
        model = self.model
        self.needs_prompt = self.operation != "vision" or self.vision == "ask"
        self.results = 0 if self.operation == "vision" else self.n
        self.reads = self.ocr or self.vision == "ocr" or bool(self.remarks)
        if model is None:
            return self
        self.tags_ratio = model.ratio_as == "tag"
        self.tag = f"【{self.ratio}】" if self.ratio and self.tags_ratio else ""
        limits = [limit for limit in (model.prompt_hard_limit, model.prompt_advised_limit) if limit is not None]
        self.free_bytes = min(limits, default=sys.maxsize) - len(self.tag.encode())
        self.seed_rule = params_for(model, self.operation).get("seed")
        self.request = self._digest(self.model_name)
        self.own = self.request if self.own_model == self.model_name else self._digest(self.own_model)
        return self

    def with_ratio(self, ratio: str) -> "Shape":
        """The shape for a prompt that ends in a ratio tag. BadCell if the model or the row's own ratio disagree."""
        if self.model is None:
            return self
        if ratio not in self._by_tag:
            size, fitted = fit_ratio(self.model, self.operation, ratio)
            if self.ratio not in (None, fitted):
                raise BadCell(f"the same ratio as in the column, which is {self.ratio}, or no tag", nearest=self.ratio)
            if self.size is not None:
                raise BadCell(f"no ratio tag beside a size, which is {self.size}")
            self._by_tag[ratio] = replace(self, size=size, ratio=fitted, asked=(None, ratio), _by_tag={}).settle()
        return self._by_tag[ratio]

    def _digest(self, model_name: str) -> Any:
        # a row that names no model must not get another id with each --model that makes another size of its ratio
        size, ratio = (self.size, self.ratio) if model_name else self.asked
        return sha256(canonical_json([self.operation, model_name, size, ratio, self.n, self.params, self.vision]))
