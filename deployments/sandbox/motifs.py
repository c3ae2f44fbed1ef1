"""The scenes the sandbox can paint, and which words of a prompt choose them."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from deployments.sandbox.canvas import Canvas
from deployments.sandbox.figures import car, cat, chart, food, portrait, product, robot, unicorn
from deployments.sandbox.palettes import PALETTES, Palette
from deployments.sandbox.scenery import bubbles, city, flowers, forest, garden, mountains, sea, space

Painter = Callable[[Canvas, Random], None]


@dataclass(frozen=True, slots=True)
class Motif:
    """A painter, and the words (lower case, English and Chinese) that call for it."""

    paint: Painter
    words: str


MOTIFS = (
    Motif(unicorn, "unicorn pony horse dragon fairy 独角兽 马 龙 童话"),
    Motif(robot, "robot android cyborg machine chess 机器人 机器 机甲"),
    Motif(cat, "cat kitten pet dog puppy panda raccoon 猫 狗 宠物 熊猫"),
    Motif(garden, "garden zen japanese temple bridge shrine cherry 庭院 禅 日式 花园 园林 樱"),
    Motif(city, "city street skyline building tower cyberpunk urban shop sign 城市 都市 夜景 街 建筑 霓虹 赛博"),
    Motif(space, "space planet galaxy astronaut star rocket moon universe 太空 星球 宇宙 银河 宇航"),
    Motif(car, "car vehicle truck road motorcycle bicycle train bus 汽车 车 公路"),
    Motif(food, "food bowl soup cake coffee pizza dish tea sushi fruit 食物 美食 面 蛋糕 咖啡 茶 菜"),
    Motif(product, "product watch bottle perfume logo phone luxury studio icon 产品 手表 香水 瓶 图标 商品 电商 海报"),
    Motif(portrait, "portrait woman man girl boy person face lady king queen people 肖像 人像 女士 男 女孩 人物"),
    Motif(chart, "chart graph report dashboard infographic diagram 图表 报告 数据"),
    Motif(sea, "sea ocean beach boat ship sail wave lake water fish 海 沙滩 船 湖 海滩"),
    Motif(flowers, "flower sunflower rose tulip vase bouquet 花 向日葵 玫瑰"),
    Motif(forest, "forest tree wood jungle bamboo park 森林 树 竹 林"),
    Motif(mountains, "mountain landscape valley snow hill sunrise sunset 山 风景 雪 峰 日出"),
)
DEFAULT_MOTIFS = (Motif(bubbles, ""), Motif(mountains, ""), Motif(sea, ""), Motif(forest, ""), Motif(flowers, ""))


def choose(prompt: str, rng: Random) -> tuple[Motif, Palette]:
    """The motif and colours a prompt asks for; what it does not name is drawn from ``rng``."""
    text = prompt.lower()
    motif = next((motif for motif in MOTIFS if _named(text, motif.words)), None)
    palette = next((palette for palette in PALETTES if _named(text, palette.words)), None)
    motif = motif or rng.choice(DEFAULT_MOTIFS)
    return motif, palette or PALETTES[(len(motif.words) + 5 * rng.randrange(2)) % len(PALETTES)]


def _named(text: str, words: str) -> bool:
    plain = "".join(char if char.isalnum() else " " for char in text).split()
    stems = {*plain, *(word.removesuffix("s") for word in plain)}
    return any(word in stems if word.isascii() else word in text for word in words.split())
