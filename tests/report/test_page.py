"""Markup against Python's own HTML parser."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import pytest

from doorlab.plots.style import new_figure, to_png
from doorlab.report.page import Html, element, figure, join, note, page, section, table, video_row


class Recorder(HTMLParser):
    """Every element with its attributes, all text, and whether elements nest properly."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def handle_decl(self, decl):
        assert decl == "doctype html"


def parse(markup: str) -> Recorder:
    recorder = Recorder()
    recorder.feed(markup)
    recorder.close()
    assert not recorder.open
    return recorder


def test_element_escapes_text_and_attributes_but_not_markup():
    nasty = "<script>alert('1 & 2')</script>"
    found = parse(element("p", nasty, element("b", "x"), title='"quoted" <i>'))
    assert found.elements == [("p", {"title": '"quoted" <i>'}), ("b", {})]
    assert "".join(found.text) == nasty + "x"
    assert join("a < b", Html("<br>")) == "a &lt; b<br>"


def test_element_accepts_boolean_and_hyphenated_attributes():
    markup = element("video", loop=True, muted=False, aria_label="a film", class_="x")
    assert markup == '<video loop aria-label="a film" class="x"></video>'


def test_image_embeds_bytes_and_size():
    png = to_png(new_figure(1.0, width=2.0))
    (_, image), *_ = [
        e for e in parse(figure(png, "what it shows", "cap")).elements if e[0] == "img"
    ]
    kind, content = image["src"].split(",", 1)
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content) == png
    assert (image["width"], image["height"]) == ("300", "150")
    assert image["alt"] == "what it shows"


def test_films_play_automatically_and_muted():
    found = parse(video_row([(b"one", "first"), (b"two", "second")], "caption"))
    videos = [attributes for tag, attributes in found.elements if tag == "video"]
    assert [base64.b64decode(v["src"].split(",")[1]) for v in videos] == [b"one", b"two"]
    assert all({"autoplay", "loop", "muted", "playsinline"} <= v.keys() for v in videos)


def test_table_has_row_and_column_headers():
    found = parse(table(["a", "b"], [["x", "1 < 2"], ["y", "3"]], "cap"))
    assert [a.get("scope") for tag, a in found.elements if tag == "th"] == [
        "col",
        "col",
        "row",
        "row",
    ]
    assert "".join(found.text) == "abx1 < 2y3cap"


def test_page_links_contents_to_sections():
    body = [section("one", "First", note("missing")), section("two", "Second", element("p", "t"))]
    found = parse(page("Heading", [element("p", "lead")], {"one": "First", "two": "Second"}, body))
    links = [a["href"] for tag, a in found.elements if tag == "a"]
    anchors = [a["id"] for tag, a in found.elements if tag == "section"]
    assert links == [f"#{anchor}" for anchor in anchors] == ["#one", "#two"]
    assert ("html", {"lang": "en"}) in found.elements
    assert any(a.get("name") == "viewport" for _, a in found.elements)


@pytest.mark.parametrize("tag", ["script", "link", "iframe"])
def test_empty_page_loads_no_resources(tag):
    markup = page("Heading", [], {}, [])
    assert all(name != tag for name, _ in parse(markup).elements)
    assert "url(" not in markup
    assert "@import" not in markup
