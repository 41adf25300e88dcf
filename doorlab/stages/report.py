"""One self-contained HTML page about a run, or about several: what was learned and measured.

    doorlab report --runs runs/demo
    doorlab report --runs runs/doors runs/ssnp runs/bandit --out runs/page

Takes runs of pretrain, train, probe, diagnose, bandit, study and demo, datasets, and folders with
such in them. The page shows what is there, with the figures that `doorlab plot` has drawn of it. It
needs no network and no other file: pictures and films are inside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from doorlab.options import Option
from doorlab.report.headline import headline
from doorlab.report.page import page
from doorlab.report.run_files import RunFiles
from doorlab.report.sections import contents, heading, sections
from doorlab.results import result_folder
from doorlab.storage.files import atomic_write_text
from doorlab.terminal.text import print_line


@dataclass(frozen=True)
class Config:
    """Which runs, and where the page goes."""

    runs: Annotated[tuple[Path, ...], Option(aliases=("--run",))] = (Path("runs/demo"),)
    """Folders of runs and datasets."""
    out: Path | None = None
    """Folder of the page; by default `report` in the run, beside a dataset, or in the folder that
    several runs lie in."""
    overwrite: bool = False
    """Replace an earlier page."""


def run(config: Config) -> Path:
    """Writes index.html and prints its path; returns it.

    Raises:
        ResultError: when there is nothing to report, a page is there already, or another process
            writes one.
        ConfigError: when two results of one stage are there, and when --out is needed.
    """
    files = RunFiles.read(config.runs)
    path = (config.out or files.folders.output("report")) / "index.html"
    with result_folder(path, overwrite=config.overwrite):
        found = sections(files)
        body = list(found.values())
        atomic_write_text(path, page(heading(files), headline(files), contents(found), body))
    print_line(f"{path}")
    return path
