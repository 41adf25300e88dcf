"""Linear probes: how much of a door's true parameters a frozen embedding says plainly."""

from doorlab.probes.linear import ProbeScore, Sample, fit_probe
from doorlab.probes.targets import TARGETS, Target, target_values

__all__ = ["TARGETS", "ProbeScore", "Sample", "Target", "fit_probe", "target_values"]
