"""The page of `doorlab explore` as one HTML file: template, style, scripts and data."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any

from doorlab.errors import ResultError
from doorlab.report.stylesheet import STYLESHEET

MAX_BYTES = 8_000_000
# Inference first, then the views, then the start of the page.
INFERENCE = ("numerics.js", "statistician.js", "process.js", "attention.js", "residuals.js")
VIEWS = (
    "charts.js", "films.js", "latents_view.js", "reward_slice.js", "rewards_view.js",
    "steps_view.js",
)  # fmt: skip
SCRIPTS = (*INFERENCE, *VIEWS, "start.js")


def asset(name: str) -> str:
    """Text of a file in `assets`."""
    folder = resources.files("doorlab.explorer") / "assets"
    return (folder / name).read_text(encoding="utf-8")


def script(names: tuple[str, ...] = SCRIPTS) -> str:
    """Scripts as one; they share their names and no names with other scripts."""
    return '"use strict";\n' + "\n".join(map(asset, names))


def page(document: dict[str, Any]) -> str:
    """The page for a document. It needs no network and no other file."""
    # A name in the data that contains "</script>" must not end the data.
    data = json.dumps(document, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "STYLE": f"{STYLESHEET}\n{asset('explorer.css')}",
        "DATA": data,
        "SCRIPT": f"(() => {{\n{script()}\n}})();",
    }
    return re.sub("@([A-Z]+)@", lambda found: parts[found[1]], asset("explorer.html"))


def check_size(text: str) -> str:
    """Returns a page. Raises ResultError if it has more than 8 MB."""
    size = len(text.encode())
    if size > MAX_BYTES:
        raise ResultError(
            f"a page of at most {MAX_BYTES / 1e6:.0f} MB",
            f"{size / 1e6:.1f} MB",
            "lower --doors, or name a run with smaller models",
        )
    return text
