"""Figures of latent spaces for `doorlab plot`: maps, correlations, traversals, interpolations.

Legend: D doors, M frames per door, E context latent c, Z instance latent z, L either latent, P
parameters, K columns.
"""

from __future__ import annotations

import contextlib

import numpy as np
import torch

from doorlab.data.schema import door_array
from doorlab.data.targets import JOINT_POSITION
from doorlab.evaluation.probes import TARGETS, target_values
from doorlab.evaluation.trained_model import TrainedModel, to_uint8
from doorlab.models.registry import STATISTICIANS
from doorlab.plots.context import MissingInput, NotRun, Plot, PlotContext
from doorlab.plots.figures.correlations import correlation_maps, correlations
from doorlab.plots.figures.embedding import Parameter, embedding_map
from doorlab.plots.figures.grid import Row, image_grid
from doorlab.plots.frames import chosen_doors, label

_MAPPED = ("handedness", "swing", "width", "height", "handle_height", "place")
_STEPS = 9  # images per traversal or interpolation; odd, so that there is a middle image
_REACH = 2.5  # range of a traversal to either side, in standard deviations


def embedding(sources: PlotContext) -> Plot:
    """Maps of the door embeddings of the pretrained models and of the main reward model."""
    if len(sources.indices) < 2:
        raise MissingInput("there is one test door, and a map needs several")
    models = _mapped_models(sources)
    embeddings = {kind: model.embed(sources.images) for kind, model in models.items()}
    parameters = {}
    for name in _MAPPED:
        target = TARGETS[name]
        values = target_values(name, {target.source: sources.read(door_array(target.source))})
        text = f"{target.label}\n({target.unit})" if target.unit else target.label
        parameters[name] = Parameter(text, values, target.categories)
    arrays = {f"embedding/{kind}": e for kind, e in embeddings.items()}
    arrays |= {f"true/{name}": p.values for name, p in parameters.items()}
    return Plot(embedding_map(embeddings, parameters), arrays)


def _mapped_models(sources: PlotContext) -> dict[str, TrainedModel]:
    """The pretrained models and the main reward model, as far as they exist."""
    models: dict[str, TrainedModel] = {}
    with contextlib.suppress(MissingInput):
        models |= sources.pretrained
    with contextlib.suppress(MissingInput):
        models[sources.headline_model.kind] = sources.headline_model
    if not models:
        raise NotRun("pretrain", "train")
    return models


def correlation(sources: PlotContext) -> Plot:
    """Correlations of the latents of pretrained models with the parameters of the doors."""
    parameters = _parameters(sources)
    found = {
        kind: {
            name: correlations(_flat(latents), _flat(parameters))
            for name, latents in _latents(sources, model).items()
        }
        for kind, model in sources.pretrained.items()
    }
    labels = [TARGETS[name].label for name in (*_MAPPED, "joint_angle")]
    arrays = {f"{kind}/{name}": r for kind, blocks in found.items() for name, r in blocks.items()}
    return Plot(correlation_maps(found, labels), arrays)


def traversals(sources: PlotContext) -> Plot:
    """Frames decoded while one latent varies around the statistician's posterior of a frame."""
    model, door = sources.statistician, chosen_doors(sources, 1)[0]
    latents = _latents(sources, model)
    frame = sources.images.shape[1] // 2
    here = {name: values[door, frame] for name, values in latents.items()}
    notes = _notes(sources, latents)
    groups = []
    for name in ("z", "c"):
        rows = []
        for i in _top_variance_dims(latents[name]):
            moved = {n: np.tile(value, (_STEPS, 1)) for n, value in here.items()}
            reach = _REACH * latents[name][..., i].std()
            moved[name][:, i] += np.linspace(-reach, reach, _STEPS, dtype=np.float32)
            decoded = _decode(model, moved["c"], moved["z"])
            rows.append(Row(f"{name}{i + 1}{notes[name][i]}", decoded))
        groups.append(rows)
    arrays = {row.label.split("\n")[0]: row.images for group in groups for row in group}
    middle = _STEPS // 2
    columns = ["low", *[""] * (middle - 1), "reconstruction", *[""] * (middle - 1), "high"]
    heading = "One latent varies, all others are constant"
    return Plot(image_grid(groups, columns, heading=heading), arrays)


def interpolations(sources: PlotContext) -> Plot:
    """Frames decoded on a straight line between the c of two doors, with constant z."""
    model, pairs = sources.statistician, _contrasting_pairs(chosen_doors(sources, 8))
    if not pairs:
        raise MissingInput("the figure needs two test doors, and the dataset has one")
    latents, frame = _latents(sources, model), sources.images.shape[1] // 2
    rows, arrays = [], {}
    for k, (start, end) in enumerate(pairs):
        (a, b), z = latents["c"][[start, end], frame], latents["z"][start, frame]
        share = np.linspace(0, 1, _STEPS - 2, dtype=np.float32)[:, None]
        between = _decode(model, (1 - share) * a + share * b, np.tile(z, (len(share), 1)))
        ends = (
            sources.images[start, frame],
            sources.images[end, _closest_frame(sources, start, end, frame)],
        )
        arrays[f"pair {k}"] = np.concatenate([ends[0][None], between, ends[1][None]])
        names = (label(sources, door).replace("\n", ", ") for door in (start, end))
        rows.append(Row(" to\n".join(names).replace(" hinge", ""), arrays[f"pair {k}"]))
    arrays["doors"] = sources.indices[np.array(pairs)]
    columns = ["real", "decoded, with c interpolated linearly", *[""] * (_STEPS - 3), "real"]
    heading = "Interpolations between two doors"
    return Plot(image_grid([rows], columns, (1, _STEPS - 1), heading), arrays)


def _contrasting_pairs(stratified_sample: list[int]) -> list[tuple[int, int]]:
    """Pairs of different doors: the pairs of a stratified sample differ in side or swing."""
    order = [stratified_sample[i] for i in (0, 2, 1, 3, 4, 5, 6, 7) if i < len(stratified_sample)]
    return list(zip(order[::2], order[1::2], strict=False))


def _closest_frame(sources: PlotContext, start: int, end: int, frame: int) -> int:
    """The frame of door `end` whose angle is closest to that of `frame` of door `start`.

    Without parameters of the doors, the same frame number.
    """
    if not sources.doors_are_known:
        return frame
    angles = sources.read(JOINT_POSITION)
    return int(np.abs(angles[end] - angles[start, frame]).argmin())


def _latents(sources: PlotContext, model: TrainedModel) -> dict[str, np.ndarray]:
    """Name -> latents (D, M, L); c is repeated for every frame."""
    z = model.embed_frames(sources.images)
    if model.kind not in STATISTICIANS:
        return {"z": z}
    c = model.embed(sources.images)[:, None]
    return {"c": np.repeat(c, z.shape[1], axis=1), "z": z}


def _parameters(sources: PlotContext) -> np.ndarray:
    """(D, M, P): true parameters of the doors, and the angle of every frame."""
    angle = sources.read(JOINT_POSITION)
    columns = []
    for name in _MAPPED:
        source = TARGETS[name].source
        values = target_values(name, {source: sources.read(door_array(source))})
        columns.append(np.broadcast_to(values[:, None], angle.shape))
    return np.stack([*columns, angle], axis=-1).astype(float)


def _notes(sources: PlotContext, latents: dict[str, np.ndarray]) -> dict[str, list[str]]:
    """Name -> text per dimension with the most correlated parameter; empty without parameters."""
    if not sources.doors_are_known:
        return {name: [""] * values.shape[-1] for name, values in latents.items()}
    labels = [TARGETS[name].label for name in (*_MAPPED, "joint_angle")]
    parameters, notes = _flat(_parameters(sources)), {}
    for name, values in latents.items():
        found = correlations(_flat(values), parameters)
        best = np.abs(found).argmax(axis=0)
        notes[name] = [f"\n{labels[p]}\nr = {found[p, i]:.2f}" for i, p in enumerate(best)]
    return notes


def _decode(model: TrainedModel, c: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Decodes c (K, E) and z (K, Z) to images, uint8 (K, H, W, 3)."""
    c_, z_ = (torch.from_numpy(np.asarray(x, np.float32)).to(model.device) for x in (c, z))
    with torch.no_grad():
        return to_uint8(model.network.decode(c_, z_[:, None]))[:, 0]


def _top_variance_dims(latents: np.ndarray, count: int = 4) -> list[int]:
    """The `count` dimensions of latents (..., L) with the largest variance, in descending order."""
    return np.argsort(-_flat(latents).std(axis=0), kind="stable")[:count].tolist()


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[-1])
