"""One self-contained HTML page about a run: what was learned, shown and measured.

The page needs no network and no other file: pictures and films are inside it. It is made from
whatever the run has; for a part that is missing it says which command makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from doorlab.files import atomic_write_text
from doorlab.report.headline import headline
from doorlab.report.html import page
from doorlab.report.run_files import RunFiles
from doorlab.report.sections import headings, sections
from doorlab.results import result_folder

HEADING = "Opening doors never seen, in few tries"


@dataclass(frozen=True)
class Config:
    """Which run, and where the page goes."""

    run: Path = Path("runs/demo")
    """Folder of the run, laid out as `doorlab demo` does."""
    out: Path | None = None
    """Folder of the page; RUN/report when not given."""
    overwrite: bool = False
    """Replace an earlier page."""


def run(config: Config) -> Path:
    """Writes index.html; returns its path.

    Raises:
        ResultError: when there is no such run, or a page is there already, or another process
            writes one.
    """
    path = (config.out or config.run / "report") / "index.html"
    files = RunFiles.read(config.run)
    with result_folder(path, overwrite=config.overwrite):
        atomic_write_text(path, page(HEADING, headline(files), headings(files), sections(files)))
    return path
