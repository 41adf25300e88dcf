"""The figures by name: where in the report each stands, and what to look at in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """A figure's place and words.

    Attributes:
        section: anchor of its section in the report.
        heading: what it shows.
        text: what to look at.
    """

    section: str
    heading: str
    text: str


CAPTIONS: dict[str, Caption] = {
    "gallery": Caption(
        "doors",
        "Doors that no model was trained on",
        "One held-out door per row, as the robot sees it before it tries anything: first shut, then "
        "standing open by chance. Colours, light, camera, size, place, handle and hinge all vary. "
        "From the outside, a latch's direction, a closer and the friction can't be seen.",
    ),
    "reconstructions": Caption(
        "representation",
        "Reconstructions",
        "Frames of held-out doors, and what is left of them after they went through each model's "
        "latents. Look at the edge of the panel and the dark gap: they carry side and angle.",
    ),
    "new_frames": Caption(
        "representation",
        "New frames of a door from its context",
        "Left: the frames that the statistician saw. Right: frames that it draws from the door's "
        "context c alone. Each row should stay one door (same colours, side, size, place) while the "
        "angle varies.",
    ),
    "samples": Caption(
        "representation",
        "Doors that never were",
        "Each row of the statistician is one door drawn from its prior, in several instances. A VAE "
        "has no notion of a door: each of its pictures stands alone.",
    ),
    "traversals": Caption(
        "representation",
        "What single latents do",
        "One latent changes from left to right while all others stay. Instance latents z should "
        "open and shut the door; context latents c should change the door.",
    ),
    "embedding": Caption(
        "representation",
        "Maps of the embeddings",
        "Each point is a held-out door, placed by the two directions in which a model's embedding "
        "varies most, coloured by a true parameter that the map was not told. Separated colours and "
        "smooth gradients mean that the parameter is among what the model deems most important.",
    ),
    "probes": Caption(
        "representation",
        "What a linear probe can read",
        "Linear probes on frozen embeddings, scored on held-out doors; bars are 95 % intervals. The "
        "joint angle is read from the embedding of each frame, all else from that of the door.",
    ),
    "landscape": Caption(
        "reward",
        "What {model} expects before and after trying",
        "Predicted reward over slices of the four-dimensional action space, on doors with a latch; "
        "all other numbers of the action are the best ones. From pictures alone it should know the "
        "hinge's direction and whether to pull (swing > 0) or push (swing < 0). Which way the handle "
        "turns can't be seen: only trying tells.",
    ),
    "calibration": Caption(
        "reward",
        "Can the predictions be trusted?",
        "Recorded interactions on held-out doors, predicted from frames and {context} other "
        "interactions. On the dotted line predictions come true and intervals are honest.",
    ),
    "adaptation": Caption(
        "reward",
        "Predictions improve with every try",
        "Squared error of the predicted reward on held-out doors by the number of interactions that "
        "the model has seen on the same door. What falls here is what could not be seen in pictures.",
    ),
    "opened": Caption(
        "bandit",
        "Doors opened by each try",
        "The share of held-out doors that each policy has opened, to at least 90 % of what the oracle "
        "reaches, within so many tries. Bands are 95 % intervals over doors.",
    ),
    "regret": Caption(
        "bandit",
        "Regret",
        "What the oracle, who knows the door, would have obtained more. Zero is perfect. Bands are "
        "95 % intervals over doors; all policies met the same doors.",
    ),
    "training": Caption(
        "making",
        "Training",
        "The loss of every run (running mean), and that on validation doors where it was measured. "
        "Losses of different models have different units; compare shapes, not heights.",
    ),
}
