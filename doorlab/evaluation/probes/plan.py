"""Which probes are fitted: what is asked of which latent, after how many frames, of how many doors.

The two latents are probed apart. A statistician's context c should say what the door is, and not
how far it stands open; its instances z_m how far it stands open, and not which door it is. Of a
context-free model the context is the mean over the frames of what it says of each, the instances.

D doors, M frames per door, E and Z embedding sizes of a door and of a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from doorlab.data.targets import TARGETS
from doorlab.evaluation.probes.linear import ProbeData

LATENTS = ("context", "instance")
_MAIN_FRAMES = 8


@dataclass(frozen=True)
class ProbeSpec:
    """One probe.

    Attributes:
        target: a key of `TARGETS`.
        latent: one of `LATENTS`.
        frames: the embedding is made from the first so many frames of a door (the very first
            shows it shut), and per-frame answers are asked of those.
        doors: training doors that the probe is fitted on.
    """

    target: str
    latent: str
    frames: int
    doors: int

    @property
    def own(self) -> bool:
        """Whether the latent is the one that should know: the door's, or for angles the frame's."""
        return (self.latent == "instance") == TARGETS[self.target].per_frame

    @property
    def name(self) -> str:
        """As arrays are called in files."""
        return f"{self.latent}/{self.target}/frames-{self.frames}/doors-{self.doors}"

    @staticmethod
    def named(name: str) -> ProbeSpec:
        """The inverse of `name`."""
        latent, target, frames, doors = name.split("/")
        return ProbeSpec(target, latent, int(frames.split("-")[1]), int(doors.split("-")[1]))

    def moved(self, axis: str, place: int) -> ProbeSpec:
        """The same with so many `frames` or `doors`."""
        return replace(self, **{axis: place})


def reference_frames(frames: Iterable[int]) -> int:
    """The number of frames that tables are about: 8 if it is there, or else the largest."""
    frames = set(frames)
    return _MAIN_FRAMES if _MAIN_FRAMES in frames else max(frames)


def plan(frames: Iterable[int], doors: Iterable[int]) -> list[ProbeSpec]:
    """Every target from its own latent along both axes; from the other where these cross.

    The axes cross at `reference_frames` and the largest number of doors.
    """
    frames, doors = sorted(set(frames)), sorted(set(doors))
    main = (reference_frames(frames), doors[-1])
    settings = [(m, main[1]) for m in frames] + [(main[0], d) for d in doors[:-1]]
    readings = [
        ProbeSpec(t, latent, m, d) for m, d in settings for t in TARGETS for latent in LATENTS
    ]
    return [r for r in readings if r.own or (r.frames, r.doors) == main]


def sample_of(
    reading: ProbeSpec, latents: Mapping[str, np.ndarray], values: np.ndarray
) -> ProbeData | None:
    """What a probe is fitted or scored on; None where no door has an answer.

    Args:
        reading: says which latent, and how many frames.
        latents: "context" (D, E) and "instance" (D, M, Z), of the reading's frames.
        values: (D,) or (D, at least M), as in `target_values`; doors with NaN are left out.
    """
    embeddings = latents[reading.latent]
    per_frame = reading.latent == "instance" or TARGETS[reading.target].per_frame
    if per_frame:
        shape = (len(values), reading.frames)
        values = values[:, : reading.frames] if values.ndim > 1 else values[:, None]
        values = np.broadcast_to(values, shape)
        if embeddings.ndim == 2:
            embeddings = np.broadcast_to(embeddings[:, None], (*shape, embeddings.shape[-1]))
    known = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    return ProbeData(embeddings[known], values[known]) if known.any() else None
