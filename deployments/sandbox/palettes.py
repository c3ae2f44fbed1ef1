"""The colour worlds of the painted scenes, and which words of a prompt choose them."""

from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """Sky from top to horizon, three grounds from far to near, the light in the sky, and an accent."""

    words: str  # space-separated, English and Chinese: any of them in a prompt chooses this palette
    top: Colour
    bottom: Colour
    far: Colour
    middle: Colour
    near: Colour
    light: Colour
    accent: Colour
    stars: bool = False


def _palette(words: str, colours: str, *, stars: bool = False) -> Palette:
    """A palette from seven hexadecimal colours in the order of its fields."""
    tints = [(int(c[:2], 16), int(c[2:4], 16), int(c[4:], 16)) for c in colours.split()]
    top, bottom, far, middle, near, light, accent = tints
    return Palette(words, top, bottom, far, middle, near, light, accent, stars)


PALETTES = (
    _palette("sunset dusk 夕阳 日落 黄昏 晚霞 golden", "3a225c ff9e5e 94486c 602e5c 341c42 ffe296 ff785a"),
    _palette("night midnight moon star 夜 月 星 dark", "080e2c 2a3c78 202c5c 141e44 0a1028 f4f0d2 ffc45c", stars=True),
    _palette(
        "cyberpunk neon futuristic 赛博 霓虹 未来 hologram",
        "12062e 781878 361660 220e48 100628 ff50be 3cf0fa",
        stars=True,
    ),
    _palette("spring cherry sakura blossom pink 春 樱 花 粉", "fad6e0 fff4f0 cec4d6 a0ba96 6e926e fffff6 f082a0"),
    _palette(
        "dream unicorn fairy magic 梦幻 独角兽 童话 魔法 rainbow",
        "7e94f0 ffceec bca4ec 9680da 6856b2 fffadc ff8cbe",
        stars=True,
    ),
    _palette("winter snow ice cold 冬 雪 冰", "8cb2d8 e8f0f8 bacce0 d6e2f0 f4f8fc fffffa c84846"),
    _palette("ocean sea beach water 海 沙滩 湖 水", "48a0dc d6f0f8 5aa0c4 2676a8 f0d8a8 fffce6 fa825a"),
    _palette(
        "forest jungle green nature 森林 绿 自然 竹 bamboo zen 禅", "96c8be ecf4da 82ae8c 508660 2c5842 fffcdc d65a46"
    ),
    _palette("desert sand autumn 沙漠 秋 warm vintage 复古", "f6c482 ffecc8 d69664 ba7448 824c32 fffae2 c84632"),
    _palette("studio product minimal luxury 产品 极简 电商 白底", "e2e6ec fafafc ced4de bec6d2 aab4c2 ffffff 245aa0"),
    _palette("morning dawn sunrise 清晨 日出 晨", "7eaae2 ffdebe 96a0c8 6880a0 3e5c68 fff4d2 f08c5a"),
    _palette("day sky sunny 晴 白天 蓝天", "549ce8 d6ecfc 8cb8c8 6aa86e 42804c fffad2 e85a50"),
)
