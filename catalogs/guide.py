"""The selection guide behind ``auto:<purpose>`` and ``auto:<budget>``: which model for which work.

Each list starts with the seeds' own recommendations (docs.apiyi.com/api-reference/images, 选择指南 and 推荐模型对比,
2025), in their order; what follows them is ours, for the day the seeds' choices are retired.
"""

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType

from catalogs.models import MODELS, first_living
from catalogs.types import Model, Operation

AUTO = "auto:"

GUIDE: Mapping[str, Mapping[Operation, tuple[str, ...]]] = MappingProxyType(
    {
        "ecommerce": {
            "generate": ("gpt-4o-image", "gpt-image-2-all"),
            "edit": ("gpt-4o-image", "gpt-image-2-all"),
        },
        "art": {
            "generate": ("dall-e-3", "flux-kontext-max"),
            "edit": ("flux-kontext-max",),
        },
        "bulk": {
            "generate": ("sora_image", "gpt-4o-image", "gpt-image-2-all"),
            "edit": ("sora_image", "gpt-4o-image", "gpt-image-2-all"),
        },
        "social": {
            "generate": ("flux-pro-v1.1",),
            "edit": ("flux-kontext-pro",),
        },
        "edit": {
            "edit": ("flux-kontext-max", "sora_image"),
        },
        "ocr": {
            "vision": ("gpt-4o", "gemini-2.5-pro"),
        },
        "documents": {
            "vision": ("gemini-2.5-pro", "gpt-4o"),
        },
        "charts": {
            "vision": ("claude-3-5-sonnet", "gemini-2.5-pro", "gpt-4o"),
        },
        "cheapest": {
            "generate": ("sora_image", "gpt-4o-image", "flux-2-klein-4b"),
            "edit": ("sora_image", "gpt-4o-image", "gpt-image-2-all"),
            "vision": ("gpt-4o-mini", "gemini-2.5-pro"),
        },
        "balanced": {
            "generate": ("dall-e-2", "flux-pro-v1.1"),
            "edit": ("dall-e-2", "flux-kontext-pro"),
            "vision": ("gpt-4o", "gemini-2.5-pro"),
        },
        "best": {
            "generate": ("dall-e-3", "flux-kontext-max"),
            "edit": ("flux-kontext-max",),
            "vision": ("gemini-2.5-pro", "gpt-4o"),
        },
    }
)


class GuideError(ValueError):
    """The guide has no such word, or no model for this operation under it; ``nearest`` is the most similar word."""

    def __init__(self, message: str, nearest: str | None = None) -> None:
        super().__init__(message + (f"; did you mean {nearest!r}?" if nearest else ""))
        self.nearest = nearest


def choices(auto: str, operation: Operation) -> tuple[Model, ...]:
    """The models recommended for ``auto`` (with or without ``auto:``) that can do the operation, best first.

    Raises GuideError.
    """
    word = auto.strip().casefold().removeprefix(AUTO).strip()
    if word not in GUIDE:
        near = next(iter(get_close_matches(word, GUIDE, n=1)), None)
        raise GuideError(f"{auto!r} is not in the selection guide ({', '.join(GUIDE)})", near and AUTO + near)
    ids = GUIDE[word].get(operation, ())
    if not ids:
        fitting = ", ".join(name for name, rows in GUIDE.items() if operation in rows)
        raise GuideError(f"{auto!r} recommends nothing for {operation}; for that there are {fitting}")
    return tuple(MODELS[name] for name in ids)


@lru_cache(maxsize=1024)
def choose(auto: str, operation: Operation, today: date) -> Model:
    """The first recommended model not retired by ``today``; when all are, the first (its row then warns).

    Raises GuideError.
    """
    ranked = choices(auto, operation)
    return first_living(ranked, today) or ranked[0]
