"""HTML markup of the report: escaped elements, embedded images and videos, and the page."""

from __future__ import annotations

import base64
import html
import struct
from collections.abc import Sequence

from doorlab.report.stylesheet import STYLESHEET

DASH = "\u2013"  # for missing values


class Html(str):
    """A string of markup. Any other string is text, and is escaped when joined with markup."""

    __slots__ = ()


_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_VOID = frozenset({"img", "meta", "br"})


def element(tag: str, /, *children: str, **attributes: str | bool) -> Html:
    """An HTML element: `element("a", "text", href="#x", class_="y")`.

    Attributes that are True have no value (`<video loop>`); attributes that are False are left out.
    A trailing underscore of a name is dropped, inner underscores become hyphens.
    """
    inside = "".join(
        f" {_attribute(key)}" if value is True else f' {_attribute(key)}="{html.escape(value)}"'
        for key, value in attributes.items()
        if value is not False
    )
    if tag in _VOID:
        return Html(f"<{tag}{inside}>")
    return Html(f"<{tag}{inside}>{join(*children)}</{tag}>")


def join(*parts: str) -> Html:
    """Concatenates markup and text; text is escaped."""
    return Html("".join(p if isinstance(p, Html) else html.escape(p, quote=False) for p in parts))


def enumeration(parts: Sequence[str]) -> str:
    """Joins parts for a sentence: "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def is_png(content: bytes) -> bool:
    """Whether a file's content has the first and the last chunk of a PNG, and at least a pixel."""
    if content[:8] != _PNG_SIGNATURE or content[12:16] != b"IHDR" or content[-8:-4] != b"IEND":
        return False
    return len(content) > 40 and all(_png_size(content))


def _png_size(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])  # in the IHDR chunk, which is always first
    return width, height


def figure(png: bytes, alt: str, caption: str = "") -> Html:
    """An embedded PNG with a caption; its size is stated, so that the layout is stable on load."""
    width, height = _png_size(png)
    image = element(
        "img",
        src=_data_uri("image/png", png),
        alt=alt,
        width=str(width),
        height=str(height),
        loading="lazy",
    )
    scroller = element("div", image, class_="scroll figure")
    return element("figure", scroller, *_caption(caption))


def video_row(mp4s: Sequence[tuple[bytes, str]], caption: str) -> Html:
    """Embedded MP4 videos side by side, (content, label) each; they play automatically, muted."""
    videos = [
        element(
            "video",
            src=_data_uri("video/mp4", content),
            autoplay=True,
            loop=True,
            muted=True,
            playsinline=True,
            aria_label=label,
        )
        for content, label in mp4s
    ]
    return element("figure", element("div", *videos, class_="videos"), *_caption(caption))


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str = "",
    *,
    stack_seeds: bool = False,
    wrap: bool = False,
) -> Html:
    """An HTML table; the first cell of every row is its header.

    Args:
        head: cells of the header row.
        rows: cells of the other rows.
        caption: text below the table.
        stack_seeds: show intervals below their means.
        wrap: cells contain text, which wraps.
    """
    top = element("tr", *(element("th", cell, scope="col") for cell in head))
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", c) for c in row[1:]))
        for row in rows
    ]
    inside = element("table", element("thead", top), element("tbody", *body))
    classes = ["scroll", *["stacked"] * stack_seeds, *["words"] * wrap]
    scroller = element("div", inside, class_=" ".join(classes))
    return element("figure", scroller, *_caption(caption))


def note(text: str) -> Html:
    """A note about a missing part of the page and the command that creates it."""
    return element("p", text, class_="note")


def section(anchor: str, heading: str, *content: str) -> Html:
    """A section of the page, with an anchor for the table of contents."""
    return element("section", element("h2", heading), *content, id=anchor)


def page(heading: str, lead: Sequence[str], contents: dict[str, str], body: Sequence[str]) -> str:
    """A self-contained HTML document.

    Args:
        heading: title of the page.
        lead: markup above the table of contents.
        contents: anchor -> heading of each section.
        body: sections of the page.
    """
    links = [element("a", text, href=f"#{anchor}") for anchor, text in contents.items()]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", heading),
        element("style", Html(STYLESHEET)),
    )
    top = element("header", element("h1", heading), *lead)
    main = element("main", top, element("nav", *links, aria_label="Contents"), *body)
    return "<!doctype html>\n" + element("html", head, element("body", main), lang="en") + "\n"


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _caption(text: str) -> list[Html]:
    return [element("figcaption", text)] if text else []


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
