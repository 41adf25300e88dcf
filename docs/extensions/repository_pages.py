"""The Markdown files of the repository as pages of the site, and links between the two."""

from __future__ import annotations

import re
from pathlib import Path

# File of the repository -> its page in docs/generated.
PAGES = {
    "README.md": "repository/readme.md",
    "CONTRIBUTING.md": "repository/contributing.md",
    "CHANGELOG.md": "repository/changelog.md",
    "assets/LICENSES.md": "repository/asset_licenses.md",
}
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]*)(#[^)\s]*)?\)")


def pages(root: Path) -> dict[str, str]:
    """Path of a page in docs/generated -> its text, with links that hold in its new place."""
    return {page: _moved(root, file) for file, page in PAGES.items()}


def redirected(text: str) -> str:
    """The text of a page in docs/ whose links to files of the repository lead to their pages."""
    for file, page in PAGES.items():
        text = text.replace(f"](../{file}", f"](generated/{page}")
    return text


def _moved(root: Path, file: str) -> str:
    def replacement(link: re.Match[str]) -> str:
        text, target, heading = link[1], link[2], link[3] or ""
        path = (root / file).parent / target
        known = path.resolve().relative_to(root.resolve()).as_posix()
        if known in PAGES:
            return f"[{text}](../{PAGES[known]}{heading})"
        if known.startswith("docs/"):
            return f"[{text}](../../{known.removeprefix('docs/')}{heading})"
        if path.is_dir() or path.suffix == ".md":  # the site has no pages of folders and cards
            return text
        return f"[{text}](../../../{known}{heading})"

    return _LINK.sub(replacement, (root / file).read_text(encoding="utf-8"))
