"""Drawn pictures in place of photos: a lamp, a heap of litter, a puddle, each before and after. Nobody is in them."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from gongzhi.config.demonstration.writing import under

WIDTH, HEIGHT = 960, 720
Colour = tuple[int, int, int]


def motif_for(category: str, text: str) -> str:
    """The motif that shows what the text says; empty when there is none."""
    for name, (prefixes, words, _draw) in _MOTIFS.items():
        if under(category, prefixes) and any(word in text for word in words):
            return name
    return ""


def picture(motif: str, *, seed: int, done: bool) -> bytes:
    """A JPEG of the motif: as it was reported, or as it is when the work is done. The same seed is the same spot."""
    die = Random(f"{motif}/{seed}")  # noqa: S311 (a drawing, no secret)
    image = _MOTIFS[motif][2](die, done)
    out = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(0.8)).save(out, "JPEG", quality=82)
    return out.getvalue()


def _sky(top: Colour, bottom: Colour) -> Image.Image:
    column = Image.new("RGB", (1, HEIGHT))
    for y in range(HEIGHT):
        share = y / HEIGHT
        column.putpixel((0, y), _mix(top, bottom, share))
    return column.resize((WIDTH, HEIGHT))


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    return (
        round(one[0] + (other[0] - one[0]) * share),
        round(one[1] + (other[1] - one[1]) * share),
        round(one[2] + (other[2] - one[2]) * share),
    )


def _houses(draw: ImageDraw.ImageDraw, die: Random, ground: int, wall: Colour, window: Colour) -> None:
    x = -40
    while x < WIDTH:
        wide, high = die.randint(150, 260), die.randint(190, 360)
        draw.rectangle((x, ground - high, x + wide, ground), fill=_mix(wall, (0, 0, 0), die.random() * 0.18))
        for row in range(ground - high + 28, ground - 40, 58):
            for column in range(x + 22, x + wide - 30, 52):
                draw.rectangle((column, row, column + 26, row + 32), fill=window)
        x += wide + die.randint(4, 40)


def _lamp(die: Random, done: bool) -> Image.Image:
    image = _sky((16, 22, 44), (38, 42, 66))
    draw = ImageDraw.Draw(image)
    _houses(draw, die, 560, (34, 38, 56), (58, 60, 74))
    draw.rectangle((0, 560, WIDTH, HEIGHT), fill=(30, 32, 38))
    x = die.randint(330, 600)
    if done:
        glow = Image.new("L", (WIDTH, HEIGHT), 0)
        light = ImageDraw.Draw(glow)
        light.polygon([(x + 92, 176), (x - 150, 660), (x + 330, 660)], fill=150)
        light.ellipse((x + 20, 110, x + 164, 254), fill=230)
        image.paste((255, 214, 140), mask=glow.filter(ImageFilter.GaussianBlur(34)))
        draw = ImageDraw.Draw(image)
    draw.line((x, 640, x, 170), fill=(92, 96, 104), width=13)
    draw.line((x, 176, x + 70, 150), fill=(92, 96, 104), width=9)
    draw.ellipse((x + 60, 144, x + 126, 180), fill=(255, 244, 208) if done else (66, 68, 74))
    return image


def _litter(die: Random, done: bool) -> Image.Image:
    image = _sky((186, 204, 220), (222, 226, 226))
    draw = ImageDraw.Draw(image)
    _houses(draw, die, 430, (206, 182, 158), (120, 138, 150))
    draw.rectangle((0, 400, WIDTH, 520), fill=(172, 120, 96))  # a wall along the path
    for y in range(412, 520, 27):
        draw.line((0, y, WIDTH, y), fill=(150, 102, 82), width=2)
    draw.rectangle((0, 520, WIDTH, HEIGHT), fill=(150, 150, 146))
    bin_at = die.randint(80, 200)
    draw.rounded_rectangle((bin_at, 430, bin_at + 110, 600), 12, fill=(46, 112, 78))
    draw.rectangle((bin_at - 8, 418, bin_at + 118, 446), fill=(36, 92, 64))
    if not done:
        middle = die.randint(420, 600)
        for _bag in range(34):
            away = die.gauss(0, 115)
            size = die.randint(26, 64)
            down = 628 - max(0.0, 120 - abs(away)) * die.random() - size * 0.3
            colour = die.choice([(58, 60, 64), (214, 214, 208), (182, 70, 58), (70, 110, 160), (196, 160, 96)])
            box = (middle + away - size, down - size * 0.7, middle + away + size, down + size * 0.7)
            draw.ellipse(box, fill=colour, outline=_mix(colour, (0, 0, 0), 0.3), width=2)
    else:
        for _stroke in range(26):  # swept
            x, y = die.randint(230, 860), die.randint(560, 690)
            draw.line((x, y, x + die.randint(40, 90), y - 6), fill=(160, 160, 156), width=2)
    return image


def _puddle(die: Random, done: bool) -> Image.Image:
    image = _sky((150, 164, 176), (204, 208, 210))
    draw = ImageDraw.Draw(image)
    _houses(draw, die, 330, (168, 160, 150), (106, 120, 132))
    draw.polygon([(0, HEIGHT), (300, 330), (660, 330), (WIDTH, HEIGHT)], fill=(104, 106, 108) if done else (82, 84, 88))
    draw.polygon([(0, 330), (300, 330), (0, HEIGHT)], fill=(132, 148, 112))
    draw.polygon([(WIDTH, 330), (660, 330), (WIDTH, HEIGHT)], fill=(132, 148, 112))
    for step in range(6):
        y = 352 + step * step * 13
        draw.polygon([(474, y), (486, y), (490 + step, y + 12 + step * 5), (470 - step, y + 12 + step * 5)],
                     fill=(224, 222, 210))  # fmt: skip
    x, y = die.randint(380, 560), die.randint(540, 590)
    if not done:
        edge = []
        for angle in range(0, 360, 12):
            far = die.uniform(0.82, 1.12)
            edge.append((x + 250 * far * math.cos(math.radians(angle)), y + 76 * far * math.sin(math.radians(angle))))
        draw.polygon(edge, fill=(126, 142, 156))
        for _ring in range(5):
            at, down, wide = x + die.gauss(0, 90), y + die.gauss(0, 22), die.randint(16, 46)
            draw.arc((at - wide, down - wide / 4, at + wide, down + wide / 4), 0, 360, fill=(178, 192, 202), width=2)
    else:
        draw.rounded_rectangle((x - 60, y - 22, x + 60, y + 22), 6, fill=(58, 60, 62))
        for bar in range(-48, 60, 16):
            draw.line((x + bar, y - 16, x + bar, y + 16), fill=(24, 25, 26), width=5)
    return image


_MOTIFS: dict[str, tuple[tuple[str, ...], tuple[str, ...], Callable[[Random, bool], Image.Image]]] = {
    "lamp": (("facilities.lighting",), ("灯",), _lamp),
    "litter": (("environment.litter", "environment.bins", "environment.bulky"), ("垃圾", "堆", "扔"), _litter),
    "puddle": (("safety.flooding", "supply.sewage", "supply.water.leak"), ("积水", "污水井", "爆了", "路面"), _puddle),
}
