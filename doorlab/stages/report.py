"""Write one self-contained HTML page with the results of one or more runs.

    doorlab report --runs runs/demo
    doorlab report --runs runs/doors runs/ssnp runs/bandit --out runs/page

--runs accepts runs of pretrain, train, probe, diagnose, bandit, study and demo, datasets, and
folders that contain them. The page shows all results it finds, and the figures that `doorlab plot`
drew of them. Images and videos are embedded: the page needs no network and no other file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from doorlab.options import Option
from doorlab.report.headline import explorer_link, headline
from doorlab.report.page import page
from doorlab.report.run_files import RunFiles
from doorlab.report.sections import contents, heading, sections
from doorlab.results import result_folder
from doorlab.run_layout import REPORT_FILE
from doorlab.storage.files import atomic_write_text
from doorlab.terminal.text import print_line


@dataclass(frozen=True)
class Config:
    """Runs to report, and output folder."""

    runs: Annotated[tuple[Path, ...], Option(aliases=("--run",))] = (Path("runs/demo"),)
    """Folders of runs and datasets."""
    out: Path | None = None
    """Folder of the page. Default: `report` in the run folder, next to a dataset, or in the common
    parent folder of several runs."""
    overwrite: bool = False
    """Replace an existing page in --out."""


def run(config: Config) -> Path:
    """Writes index.html and prints its path; returns the path.

    Raises:
        ResultError: if there is nothing to report, the page exists already, or another process
            writes it.
        ConfigError: if two results belong to one stage, or --out is required.
    """
    files = RunFiles.read(config.runs)
    path = (config.out or files.folders.output("report")) / REPORT_FILE
    with result_folder(path, overwrite=config.overwrite):
        by_name = sections(files)
        body = list(by_name.values())
        lead = [*headline(files), *explorer_link(path.parent)]
        atomic_write_text(path, page(heading(files), lead, contents(by_name), body))
    print_line(f"{path}")
    return path
