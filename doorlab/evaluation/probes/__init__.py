"""Linear probes: how well the parameters of a door are linearly decodable from its embedding."""

from doorlab.data.targets import TARGETS, Target, mirrored, target_values
from doorlab.evaluation.probes.linear import ProbeData, ProbeScore, fit_probe
from doorlab.evaluation.probes.plan import LATENTS, ProbeSpec, plan, sample_of

__all__ = [
    "LATENTS",
    "TARGETS",
    "ProbeData",
    "ProbeScore",
    "ProbeSpec",
    "Target",
    "fit_probe",
    "mirrored",
    "plan",
    "sample_of",
    "target_values",
]
