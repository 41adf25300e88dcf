"""Plan of the probes: combinations of target, latent, number of frames and number of doors.

The two latents are probed separately. The context c of a statistician should encode the parameters
of the door, and not its opening angle. The instance latents z_m should encode the opening angle,
and not the parameters of the door. The instance latents of a context-free model are the embeddings
of the frames; its context is their mean.

Legend: D doors, M frames per door, E and Z embedding sizes of a door and of a frame.
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
    """Specification of one probe.

    Attributes:
        target: a key of `TARGETS`.
        latent: one of `LATENTS`.
        frames: number of frames per door. The first frames of a door are used for its embedding and
            for per-frame targets; the very first frame shows the closed door.
        doors: number of training doors of the probe.
    """

    target: str
    latent: str
    frames: int
    doors: int

    @property
    def own(self) -> bool:
        """Whether the latent should encode the target: "instance" for angles, else "context"."""
        return (self.latent == "instance") == TARGETS[self.target].per_frame

    @property
    def name(self) -> str:
        """Name of the arrays of this probe in files."""
        return f"{self.latent}/{self.target}/frames-{self.frames}/doors-{self.doors}"

    @staticmethod
    def named(name: str) -> ProbeSpec:
        """The probe with a given `name`."""
        latent, target, frames, doors = name.split("/")
        return ProbeSpec(target, latent, int(frames.split("-")[1]), int(doors.split("-")[1]))

    def moved(self, axis: str, place: int) -> ProbeSpec:
        """A copy of the probe with `place` as its number of "frames" or "doors" (the axis)."""
        return replace(self, **{axis: place})


def reference_frames(frames: Iterable[int]) -> int:
    """The number of frames used in tables: 8 if it is among `frames`, otherwise the largest."""
    frames = set(frames)
    return _MAIN_FRAMES if _MAIN_FRAMES in frames else max(frames)


def plan(frames: Iterable[int], doors: Iterable[int]) -> list[ProbeSpec]:
    """The probes to fit, for given numbers of frames and doors.

    The reference point is `reference_frames` and the largest number of doors. At the reference
    point, every target is probed from both latents. Along the axes of frames and doors through the
    reference point, every target is probed from its own latent (`ProbeSpec.own`).
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
    """The data of a probe for one split; None if no door has a value of the target.

    Args:
        reading: the probe; its latent and number of frames are used.
        latents: "context" (D, E) and "instance" (D, M, Z), from the frames of the probe.
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
