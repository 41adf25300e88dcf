"""Exports the model of a run to ONNX files.

    OUT/embed.onnx      frames -> embedding; any number of frames
    OUT/reward.onnx     embedding, interactions, actions -> mean and standard deviation
    OUT/decode.onnx     latents -> images
    OUT/onnx.json       names, shapes, units and preprocessing (`doorlab.onnx_export.document`)

A pretrained encoder has no reward.onnx. A model that does not decode images has no decode.onnx.
Requires onnx, onnxscript and onnxruntime (extra `onnx`).
"""

from __future__ import annotations

from pathlib import Path

import torch

from doorlab.errors import ResultError
from doorlab.models.description import read_description
from doorlab.models.io import load_model
from doorlab.onnx_export.conversion import largest_difference, to_onnx
from doorlab.onnx_export.document import document
from doorlab.onnx_export.graphs import graphs_of
from doorlab.run_layout import ONNX_FILE
from doorlab.runtime.torch_state import float32_by_default, thread_defaults
from doorlab.storage.file_replacement import complete_replacement, replacing_files
from doorlab.storage.files import (
    atomic_write_bytes,
    atomic_write_json,
    refuse_overwrite,
    writing,
)
from doorlab.storage.folders import output_folder
from doorlab.storage.locking import LOCK_FILE
from doorlab.terminal.progress import progress_bar

FILES = ("embed.onnx", "reward.onnx", "decode.onnx", ONNX_FILE)
"""Files of an export; some models have fewer."""


@thread_defaults()
def export_model(run: str | Path, out: str | Path, *, overwrite: bool = False) -> None:
    """Writes the model of a run to the folder `out` as ONNX files.

    Every file is compared with torch before it is written. The export takes about half a minute.

    Args:
        run: run folder of `doorlab train` or `doorlab pretrain`.
        out: a folder that does not exist or is empty; with `overwrite`, it may hold an earlier
            export.
        overwrite: replace an earlier export.

    Raises:
        CheckpointError: if the folder contains no model or a damaged one, or if ONNX cannot
            represent the model.
        ResultError: if `out` already holds files, cannot be written, or another process writes
            to it.
    """
    out = Path(out)
    about, model = read_description(run), load_model(run)
    with output_folder(out):
        real = out.resolve()
        complete_replacement(real, ONNX_FILE, _is_exported)
        _refuse_out(out, overwrite)
        with replacing_files(real, ONNX_FILE, _is_exported) as folder:
            exported = []
            with float32_by_default, torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                graphs = graphs_of(model, about.image_size)
                with progress_bar("export", "files", len(graphs)) as advance:
                    for graph in graphs:
                        proto = to_onnx(graph)
                        exported.append((graph, proto, largest_difference(proto, graph)))
                        advance(1)
            with writing(out):
                for graph, proto, _ in exported:
                    atomic_write_bytes(folder / f"{graph.name}.onnx", proto.SerializeToString())
                atomic_write_json(folder / ONNX_FILE, document(about, exported))


def _is_exported(file: str) -> bool:
    """Whether an export can contain a file of this name."""
    return file in FILES


def _refuse_out(out: Path, overwrite: bool) -> None:
    """Raises ResultError unless `out` (locked by this process) is empty or an earlier export."""
    if {path.name for path in out.iterdir()} <= {LOCK_FILE}:
        return
    if not (out / ONNX_FILE).exists():
        raise ResultError(
            f"{out} to be empty or an earlier export to ONNX", "other files", "choose another --out"
        )
    refuse_overwrite(out, overwrite)
