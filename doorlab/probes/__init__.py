"""Linear probes: how much of a door's true parameters a frozen embedding says plainly."""

from doorlab.probes.linear import ProbeScore, Sample, fit_probe
from doorlab.probes.readings import LATENTS, Reading, plan, sample_of
from doorlab.probes.targets import TARGETS, Target, mirrored, target_values

__all__ = [
    "LATENTS",
    "TARGETS",
    "ProbeScore",
    "Reading",
    "Sample",
    "Target",
    "fit_probe",
    "mirrored",
    "plan",
    "sample_of",
    "target_values",
]
