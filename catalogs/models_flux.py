"""Model rows of Black Forest Labs' Flux as a gateway offers it: JSON on /images/generations, URLs that live 10 minutes.

Sources: the seeds' price table, apiyi's Flux pages and BFL's documentation of 2026.
"""

from functools import partial

from catalogs.price_rules import APIYI_2026, BFL, SEED_PRICES, by_size_quality, per_image
from catalogs.types import Model, Param

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "9:21", "21:9", "3:7", "7:3")
FLUX_PARAMS = {
    "seed": Param(kind="int", low=0, high=4_294_967_295),
    "prompt_upsampling": Param(kind="bool"),
    "safety_tolerance": Param(kind="int", low=0, high=6),
    "output_format": Param(kind="str", values=("jpeg", "png")),
}
# of about one megapixel: the price list starts there and says "from" above it
MEGAPIXEL_SIZES = ("1024x1024", "832x1216", "1216x832", "896x1152", "1152x896", "768x1344", "1344x768")

_flux = partial(
    Model,
    source=APIYI_2026,
    url_ttl_s=600,
    timeout_s=120.0,
    typical_latency_s=10.0,
    concurrency=24,
)
_flux_1 = partial(
    _flux,
    ratios=RATIOS,
    ratio_as="aspect_ratio",
    params={"aspect_ratio": Param(kind="str", values=RATIOS), **FLUX_PARAMS},
)
_kontext = partial(_flux_1, formats={"generate": "flux_json", "edit": "flux_json"}, max_images=4)
_flux_2 = partial(
    _flux,
    formats={"generate": "flux_json", "edit": "flux_json"},
    sizes=MEGAPIXEL_SIZES,
    default_size="1024x1024",
    params=FLUX_PARAMS,
    prompt_unit="tokens",
    prompt_advised_limit=32_000,
    max_images=8,
)

ROWS = (
    _flux_1(
        id="flux-pro-v1.1",
        family="Flux Pro",
        title="Flux Pro 1.1",
        source=SEED_PRICES,
        price=per_image("0.035", source=SEED_PRICES),
        aliases=("black-forest-labs/flux-pro-v1.1", "flux-pro-1.1", "black-forest-labs/flux-pro-1.1", "flux-pro"),
        formats={"generate": "flux_json"},
        wire_ids={"apiyi": "flux-pro-1.1"},
        replacement=("flux-2-pro",),
        note="Public lists sell 1.1 at .04; the gateway's 2025 pages say .035. The gateway spells it "
        "flux-pro-1.1 today.",
    ),
    _kontext(
        id="flux-kontext-pro",
        family="Flux Kontext Pro",
        title="Flux Kontext Pro",
        price=per_image("0.035", "0.035", source=APIYI_2026),
        aliases=("black-forest-labs/flux-kontext-pro",),
        replacement=("flux-2-pro",),
        note="Called legacy by its maker. More than one input picture is experimental.",
    ),
    _kontext(
        id="flux-kontext-max",
        family="Flux Max",
        title="Flux Kontext Max",
        source=SEED_PRICES,
        price=per_image("0.07", "0.07", source=SEED_PRICES),
        aliases=("black-forest-labs/flux-kontext-max", "flux-max"),
        concurrency=6,
        replacement=("flux-2-max",),
        note="Called legacy by its maker. More than one input picture is experimental. The gateway's 2025 pages show a "
        "mask; newer pages say Kontext takes none.",
    ),
    _flux_2(
        id="flux-2-pro",
        family="FLUX.2",
        title="FLUX.2 Pro",
        price=by_size_quality(dict.fromkeys(((size, "") for size in MEGAPIXEL_SIZES), "0.03"), source=BFL),
        note="Sizes of one megapixel only; an edit is priced by input megapixels (from .045): needs --price.",
    ),
    _flux_2(
        id="flux-2-max",
        family="FLUX.2",
        title="FLUX.2 Max",
        price=by_size_quality(dict.fromkeys(((size, "") for size in MEGAPIXEL_SIZES), "0.07"), source=BFL),
        note="Sizes of one megapixel only; an edit is priced by input megapixels (from .07): needs --price.",
    ),
    _flux_2(
        id="flux-2-flex",
        family="FLUX.2",
        title="FLUX.2 Flex",
        price=by_size_quality(dict.fromkeys(((size, "") for size in MEGAPIXEL_SIZES), "0.06"), source=BFL),
        timeout_s=180.0,
        note="Sources say .05 and .06; the higher is taken. An edit is priced by input megapixels: needs --price.",
    ),
    _flux_2(
        id="flux-2-klein-4b",
        family="FLUX.2",
        title="FLUX.2 Klein 4B",
        price=by_size_quality(dict.fromkeys(((size, "") for size in MEGAPIXEL_SIZES), "0.014"), source=BFL),
        max_images=4,
        typical_latency_s=3.0,
        note="Sizes of one megapixel only; an edit is priced from .014 by megapixels: needs --price.",
    ),
    _flux_2(
        id="flux-2-klein-9b",
        family="FLUX.2",
        title="FLUX.2 Klein 9B",
        price=by_size_quality(dict.fromkeys(((size, "") for size in MEGAPIXEL_SIZES), "0.015"), source=BFL),
        max_images=4,
        typical_latency_s=3.0,
        note="Sizes of one megapixel only; an edit is priced from .015 by megapixels: needs --price.",
    ),
)
