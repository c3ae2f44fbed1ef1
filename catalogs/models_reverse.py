"""Model rows that a gateway reaches through ChatGPT's or Sora's own site: flat prices, pictures in chat replies.

Sources: the two seed pages of docs.apiyi.com (2025), its model pages and notices of 2026. Concurrency is ours.
"""

from datetime import date

from catalogs.price_rules import APIYI_2026, SEED_PRICES, SEED_SORA, per_image
from catalogs.types import Model

SEED_RATIOS = ("2:3", "3:2", "1:1")
APIYI_RETIRED = date(2026, 4, 22)  # docs.apiyi.com/live/2026-04/gpt-image-2-all: both old models taken down

_VIP_SIZES = (
    *("1280x1280", "848x1280", "1280x848", "960x1280", "1280x960"),
    *("1024x1280", "1280x1024", "720x1280", "1280x720", "1280x544"),
    *("2048x2048", "1360x2048", "2048x1360", "1536x2048", "2048x1536"),
    *("1632x2048", "2048x1632", "1152x2048", "2048x1152", "2048x864"),
    *("2880x2880", "2336x3520", "3520x2336", "2480x3312", "3312x2480"),
    *("2560x3216", "3216x2560", "2160x3840", "3840x2160", "3840x1632"),
)

ROWS = (
    Model(
        id="sora_image",
        family="Sora Image",
        title="Sora Image",
        source=SEED_SORA,
        price=per_image("0.01", "0.01", source=SEED_PRICES),
        aliases=("sora-image", "sora"),
        formats={"generate": "chat_image", "edit": "chat_image"},
        ratios=SEED_RATIOS,
        ratio_as="tag",
        prompt_advised_limit=500,
        max_images=10,
        result="markdown",
        rpm=10,
        typical_latency_s=60.0,
        concurrency=16,
        chinese="native",
        retired_on=APIYI_RETIRED,
        replacement=("gpt-image-2-all", "gpt-image-2-vip"),
        note="The gateway's 2025 pages also spell it gpt-4o. Its upstream, Sora's site, closed on 2026-04-26; URL life "
        "is not documented, nor the number of input pictures (ours: 10).",
    ),
    Model(
        id="gpt-4o-image",
        family="GPT-4o Image",
        title="GPT-4o Image",
        source=SEED_PRICES,
        price=per_image("0.01", "0.01", source=SEED_PRICES),
        aliases=("gpt4o-image", "gpt-4o-images"),
        formats={"generate": "images_json", "edit": "chat_image"},
        sizes=("1024x1024", "1024x1792", "1792x1024"),
        ratios=SEED_RATIOS,
        ratio_as="tag",
        max_images=10,
        result="url",
        typical_latency_s=60.0,
        concurrency=16,
        retired_on=APIYI_RETIRED,
        replacement=("gpt-image-2-all", "gpt-image-2-vip"),
        note="Generates on /images/generations (seed 2; seed 1 shows chat), edits in chat, where no size can be sent. "
        "No default size, so that none contradicts a ratio.",
    ),
    Model(
        id="gpt-image-2-all",
        family="GPT-Image-2 All",
        title="GPT-Image-2 All",
        source="docs.apiyi.com/api-capabilities/gpt-image-2-all (2026-10-27)",
        price=per_image("0.03", "0.03", source=APIYI_2026),
        formats={"generate": "images_json", "edit": "edits_multipart"},
        sizes=("auto", "1024x1024", "1024x1536", "1536x1024"),
        ratios=SEED_RATIOS,
        ratio_as="tag",
        image_field="image[]",
        max_images=16,
        advised_image_bytes=1_500_000,
        mask="ignored",
        result="b64",
        url_ttl_s=86_400,
        rpm=500,
        typical_latency_s=60.0,
        concurrency=32,
        available_from=date(2026, 4, 22),
        note="size is heeded since 2026-10-27 as a target only: measure the pixels. It draws the whole picture anew, "
        "mask or not. A ratio goes into the prompt.",
    ),
    Model(
        id="gpt-image-2-vip",
        family="GPT-Image-2 VIP",
        title="GPT-Image-2 VIP",
        source="docs.apiyi.com/knowledge-base/gpt-image-2-vip-sizes (2026-05-02)",
        price=per_image("0.03", "0.03", source=APIYI_2026),
        formats={"generate": "images_json", "edit": "edits_multipart"},
        sizes=("auto", *_VIP_SIZES),
        image_field="image[]",
        max_images=16,
        mask="ignored",
        result="b64",
        url_ttl_s=86_400,
        rpm=500,
        typical_latency_s=120.0,
        concurrency=32,
        available_from=date(2026, 5, 2),
        note="30 sizes at one price. n above 1 is billed for each but gives one picture, so only 1 is allowed here.",
    ),
)
