"""How the relay's own pages look: one style sheet and a bell, light and dark, nothing fetched."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

_LINES = (
    '<g fill="none" stroke="{colour}" stroke-width="3" stroke-linecap="round" '
    'stroke-linejoin="round"><path d="M6 38h36"/><path d="M9 33a15 15 0 0 1 30 0z"/>'
    '<path d="M24 18v-5"/><path d="M20 12h8"/></g>'
)
BELL = (
    '<svg viewBox="0 0 48 48" width="40" height="40" aria-hidden="true">'
    f"{_LINES.format(colour='currentColor')}</svg>"
)
ICON = "data:image/svg+xml," + quote(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48">'
    f"{_LINES.format(colour='#6672f0')}</svg>"
)


class Colours(NamedTuple):
    """Of one scheme. Texts are read on `back` and on `card`: tests hold their contrast."""

    back: str
    card: str
    text: str
    soft: str
    line: str
    mark: str
    on_mark: str  # the tick on a step that is done


LIGHT = Colours("#f3f4f7", "#ffffff", "#1b1f27", "#565e6c", "#dfe2e8", "#4b57d6", "#ffffff")
DARK = Colours("#15171b", "#1f2227", "#eceef1", "#a6aebb", "#363b44", "#8f99ff", "#15171b")
BUTTON, BUTTON_HOVER, BUTTON_TEXT = "#4b57d6", "#3d48bd", "#ffffff"


def _scheme(colours: Colours) -> str:
    tick = quote(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 12 12"><path d="M3 6.2 5.2 8.4 9 4" '
        f'fill="none" stroke="{colours.on_mark}" stroke-width="1.8" stroke-linecap="round" '
        'stroke-linejoin="round"/></svg>'
    )
    named = zip(Colours._fields, colours, strict=True)
    said = "".join(f"--{name.replace('_', '-')}:{value};" for name, value in named)
    return f':root{{{said}--tick:url("data:image/svg+xml,{tick}")}}'


_RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;padding:1.25rem;
background:var(--back);color:var(--text);font:1.0625rem/1.55 system-ui,sans-serif;
overflow-wrap:anywhere}
main{position:relative;overflow:hidden;width:100%;max-width:29rem;padding:1.75rem 2rem 2rem;
background:var(--card);border:1px solid var(--line);border-radius:1rem;
box-shadow:0 1px 2px #0000000f,0 12px 32px #00000014}
header{display:flex;align-items:center;gap:.6rem;margin:0 0 1.25rem;color:var(--soft);
font-size:.9375rem;font-weight:600}
svg{display:block;color:var(--mark);margin-left:-.15rem}
.over svg{color:var(--soft)}
h1{font-size:1.5rem;line-height:1.25;letter-spacing:-.01em;margin:0 0 .75rem;text-wrap:balance}
p{margin:.6rem 0 0;color:var(--soft);text-wrap:pretty}
code{padding:.1em .35em;border-radius:.3rem;background:var(--back);color:var(--text);
font:.92em ui-monospace,monospace;white-space:nowrap}
.detail{padding:.6rem .75rem;border-radius:.5rem;background:var(--back);color:var(--text);
font:.85rem/1.5 ui-monospace,monospace}
ol{list-style:none;margin:0 0 1.1rem;padding:0}
li{position:relative;padding:.28rem 0 .28rem 2rem;color:var(--soft)}
li::before{content:"";position:absolute;z-index:1;left:0;top:.56rem;width:1.1rem;height:1.1rem;
border:2px solid var(--line);border-radius:50%;background:var(--card)}
li:not(:last-child)::after{content:"";position:absolute;left:.5rem;top:1.5rem;bottom:-.56rem;
width:.125rem;background:var(--line)}
li.done::before{border-color:var(--mark);background:var(--mark) var(--tick) center/1rem no-repeat}
li.done::after{background:var(--mark)}
li.now{color:var(--text);font-weight:600}
li.now::before{border-color:var(--mark);box-shadow:inset 0 0 0 .2rem var(--card),
inset 0 0 0 1rem var(--mark)}
button,a.on{display:block;width:100%;margin-top:1.5rem;padding:.85rem 1rem;border:0;
border-radius:.6rem;background:BUTTON;color:BUTTON-TEXT;font:600 1.0625rem/1.4 system-ui,sans-serif;
cursor:pointer;text-align:center;text-decoration:none}
a.on+a.on{margin-top:.75rem}
button:hover,a.on:hover{background:BUTTON-HOVER}
button:focus-visible,a.on:focus-visible{outline:3px solid var(--mark);outline-offset:2px}
.wait{position:absolute;inset:0 0 auto;height:.2rem;background:var(--line)}
.wait::after{content:"";display:block;height:100%;background:var(--mark);transform-origin:left}
@media(max-width:30rem){main{padding:1.5rem 1.35rem 1.6rem}h1{font-size:1.35rem}}
@media(prefers-reduced-motion:no-preference){.wait::after{animation:fill 3s linear both}
.slower::after{animation-duration:5s}.slow::after{animation-duration:15s}
li.now::before{animation:now 1.5s ease-in-out infinite alternate}}
@keyframes fill{from{transform:scaleX(0)}}
@keyframes now{to{opacity:.55}}
"""

CSS = (
    _scheme(LIGHT)
    + f"@media(prefers-color-scheme:dark){{{_scheme(DARK)}}}"
    + _RULES.replace("BUTTON-HOVER", BUTTON_HOVER)
    .replace("BUTTON-TEXT", BUTTON_TEXT)
    .replace("BUTTON", BUTTON)
)
