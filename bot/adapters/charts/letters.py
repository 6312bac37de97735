"""Which letters a picture can show, and names made of them.

The library brings one font, which has Latin, Greek, Cyrillic, Arabic and Hebrew letters. Fonts of
other scripts are used where the computer has them; what no font can show is left out, as it would
be a box. The text beside a picture has every name whole.
"""

from __future__ import annotations

from functools import cache

_OWN = "DejaVu Sans"
_OTHERS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Source Han Sans"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "IPAGothic", "Droid Sans Fallback"),
    *("Noto Sans KR", "NanumGothic", "PingFang SC", "Hiragino Sans", "Microsoft YaHei"),
    *("Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Thai", "Unifont"),
    *("Noto Emoji", "Symbola"),
)
"""Common fonts of other scripts, by family; a font of coloured pictures cannot be drawn."""


@cache
def families() -> list[str]:
    """The families to draw with, the library's own first."""
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return [_OWN, *(name for name in _OTHERS if name in there)]


def shown(text: str, room: int) -> str:
    """A line of text as it can be drawn, empty where none of it can.

    A dollar sign would begin a formula, a leading underscore hide a label.
    """
    letters = _letters()
    kept = "".join(char for char in text if char.isprintable() and ord(char) in letters)
    line = " ".join(kept.split()).strip("_ ")
    if len(line) > room:
        line = line[: room - 1].rstrip() + "…"
    return line.replace("$", r"\$")


@cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(code for name in families() for code in get_font(findfont(name)).get_charmap())
