"""SimCord's page as Bellhop's: what is changed in its files, and the frame put around it.

Every change of a file names text that must be there exactly once, so that another version of
SimCord fails at the start with a sentence instead of showing half a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import simcord.preview
from simcord.preview._server import PreviewServer

from bot.errors import Config

TITLE = "Bellhop demo"
NOTE = (
    "A local stand-in for Discord. Machines, prices and people are pretend; the notebooks are real."
)
_NAV = "Channels and people"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An entry of the frame's menu: a place to be in, or a person to be."""

    key: str
    name: str
    mark: str  # the sign before the name
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The menu beside the conversation."""

    server: str
    channels: tuple[Link, ...]
    inboxes: tuple[Link, ...]
    people: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """One file of the page, ready to be served. Fonts stay on disk and may be kept by browsers."""

    content_type: str
    text: str = ""
    path: Path | None = None


def page_files(frame: Frame) -> dict[str, StaticFile]:
    """Every file of the page by its path. Reads from disk: not for the event loop.

    Raises Config when SimCord's files are not those that the changes were made for.
    """
    found = {
        route: _simcord_file(route, name) for route, name in PreviewServer._STATIC_FILES.items()
    }
    for route, changes in _CHANGES.items():
        found[route] = _changed(route, found[route], changes)
    found["/"] = _changed("/", found["/"], _framing(frame))
    style = found["/preview.css"]
    found["/preview.css"] = StaticFile(
        content_type=style.content_type, text=style.text + "\n" + _asset("demo.css")
    )
    found["/demo.js"] = StaticFile(content_type="application/javascript", text=_asset("demo.js"))
    return found


def _simcord_file(route: str, name: str) -> StaticFile:
    here = Path(simcord.preview.__file__)
    path = (
        here.with_name(name) if route == "/protocol.schema.json" else here.parent / "static" / name
    )
    if name in PreviewServer._FONT_FILES:
        return StaticFile(content_type="font/ttf", path=path)
    content_type = PreviewServer._STATIC_CONTENT_TYPES.get(name, "application/javascript")
    return StaticFile(content_type=content_type, text=path.read_text(encoding="utf-8"))


def _asset(name: str) -> str:
    return files("bot.demo").joinpath("assets", name).read_text(encoding="utf-8")


def _changed(route: str, file: StaticFile, changes: Iterable[tuple[str, str]]) -> StaticFile:
    text = file.text
    for old, new in changes:
        if text.count(old) != 1:
            raise Config(
                "bellhop demo",
                f"SimCord {version('simcord')} is not the version its page was made for "
                f'({route} differs); install it anew with: pip install "bellhop[demo]"',
            )
        text = text.replace(old, new)
    return StaticFile(content_type=file.content_type, text=text)


# Faults of SimCord's command picker, each a change of text that is there once: an option that
# completes says "No options match" until a key is typed; a value chosen with the mouse loses the
# keyboard, and one chosen with Enter is offered again, so that the next Enter picks another value
# instead of running the command; Enter on a command without required options opens its first
# optional one.
_CHANGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "/commands.js": (
        (
            "renderPopup(field, `OPTIONS MATCHING ${current.toUpperCase()}`, choices,",
            "if (!current && !choices.length) queryAutocomplete(option, current);\n"
            "            renderPopup(field, `OPTIONS MATCHING ${current.toUpperCase()}`, choices,",
        ),
        (
            "  function chooseValue(option, value) {",
            "  let justChosen = null;\n  function chooseValue(option, value) {",
        ),
        (
            "drafts.focus(next?.name || null);\n    renderCompose({ focus: Boolean(next) });",
            "drafts.focus(next?.name || option.name);\n"
            "    justChosen = next ? null : option.name;\n"
            "    renderCompose({ focus: true });",
        ),
        (
            "          context();\n"
            '          if (option.type === "boolean" || option.choices?.length) {\n',
            "          context();\n"
            "          if (justChosen === option.name)"
            " { justChosen = null; clearPopup(); return; }\n"
            '          if (option.type === "boolean" || option.choices?.length) {\n',
        ),
        (
            "if (active instanceof HTMLElement) { active.click(); return true; }",
            "if (active instanceof HTMLElement && event.target instanceof HTMLInputElement)"
            " { active.click(); return true; }",
        ),
    ),
}


def _framing(frame: Frame) -> tuple[tuple[str, str], ...]:
    title = "<title>SimCord Preview</title>"
    shell = '<div id="preview-shell" class="preview-shell">'
    stage = '<div id="preview-stage" class="preview-stage">'
    note = (
        '<div class="demo-note"><button id="demo-menu" type="button" aria-controls="demo-nav" '
        f'aria-expanded="false" aria-label="{_NAV}">☰</button><p>{escape(NOTE)}</p></div>'
    )
    return (
        (title, f'<title>{TITLE}</title><script src="/demo.js"></script>'),
        (shell, shell + note),
        (stage, _nav(frame) + stage),
    )


def _nav(frame: Frame) -> str:
    return (
        f'<nav id="demo-nav" class="demo-nav" aria-label="{_NAV}">'
        f'<p class="demo-server">{escape(frame.server)}</p><div class="demo-places">'
        f"<h2>Text channels</h2>{_links('place', frame.channels)}"
        f"<h2>Direct messages</h2>{_links('place', frame.inboxes)}</div>"
        f'<div class="demo-people"><h2>You are</h2>{_links("person", frame.people)}</div></nav>'
    )


def _links(kind: str, links: Iterable[Link]) -> str:
    return "".join(
        f'<a class="demo-link" data-{kind}="{escape(link.key)}" href="#">'
        f'<span class="demo-mark" aria-hidden="true">{escape(link.mark)}</span>'
        f"<span>{escape(link.name)}</span><small>{escape(link.detail)}</small></a>"
        for link in links
    )
