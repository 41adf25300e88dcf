"""Texts of the report: headings and introductions of sections, and captions of figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

SECTIONS = {
    "doors": "Doors",
    "representation": "Learned representation",
    "reward": "Predicted rewards",
    "bandit": "Regret of the policies",
    "study": "Label efficiency",
    "making": "Training, origin and settings",
}

INTRODUCTIONS = {
    "doors": (
        "The task of the robot is to open a new door. Its observations are a few images of the "
        "door at several opening angles. An action grips the handle, turns it, and moves it along "
        "an arc around an assumed hinge position. The reward is the opened share of the door's "
        "range, from 0 to 1. Images show the side of the hinge and whether to pull or push. They "
        "do not show the direction of a latch, the strength of a closer, or the friction; these "
        "hidden parameters must be inferred from interactions."
    ),
    "representation": (
        "A neural statistician is trained on unlabeled images: it infers a context latent c per "
        "door, and an instance latent z per image. The baseline is a VAE of about the same size, "
        "which encodes single images. Neither is trained with the parameters of doors. The "
        "supervised network, where it is shown, is trained with them and is an upper reference. "
        "All results in this section are on held-out doors."
    ),
    "reward": (
        "The models predict the reward of an action on a door from images of the door and from "
        "the previous interactions with it. SSNP is trained jointly on the images of all doors "
        "and on the interactions with labeled doors. NP has the same encoder and is trained on "
        "the labeled doors only. Models such as VAE + NP predict from the frozen embeddings of a "
        "pretrained model."
    ),
    "bandit": (
        "All policies are evaluated on the same held-out doors. The policy of a model executes the "
        "action with the highest predicted reward, and adds the obtained reward to the context "
        "set of the model. GP-UCB uses interactions only, without images. The visible oracle uses "
        "all visible parameters and explores the hidden ones. The oracle uses all parameters."
    ),
    "study": (
        "Labels are interactions with a door. They cost robot time, while images are cheap. Every "
        "model is trained with several numbers of labeled doors; for each number, all models use "
        "the same labeled doors. All claims are tested on held-out doors."
    ),
    "making": (
        "Every number on this page comes from a result file of the run. Result files contain the "
        "settings, the seed and the checksum of the dataset."
    ),
}


@dataclass(frozen=True)
class Caption:
    """Section, heading and caption of a figure in the report.

    Attributes:
        section: anchor of the section.
        heading: heading above the figure.
        text: caption below the figure.
        optional: whether the report omits the note about a missing figure.
    """

    section: str
    heading: str
    text: str
    optional: bool = False


CAPTIONS: dict[str, Caption] = {
    "gallery": Caption(
        "doors",
        "Held-out doors",
        "One held-out door per row, as observed before any interaction: first closed, then at "
        "random opening angles. {variety} Images do not show the direction of a latch, a closer, "
        "or the friction.",
    ),
    "reconstructions": Caption(
        "representation",
        "Reconstructions",
        "Frames of held-out doors, and their reconstructions from the latents of each model. The "
        "edge of the panel and the dark gap show the hinge side and the joint angle.",
    ),
    "new_frames": Caption(
        "representation",
        "New frames of a door from its context latent",
        "Left: the frames that the statistician encodes. Right: frames that it samples given only "
        "the context latent c of the door. Each row should show one door (same colors, hinge side, "
        "size and position) at varying angles.",
    ),
    "samples": Caption(
        "representation",
        "Sampled doors",
        "Top: real doors. Each row of a statistician shows one sampled door with several samples "
        "of z. A VAE encodes single images, so the images in its rows are independent samples. "
        "The sampled latents: {densities}.",
    ),
    "interpolations": Caption(
        "representation",
        "Interpolations between two doors",
        "The context latent c of the statistician is interpolated linearly between two real doors "
        "(left and right); the instance latent z is that of the left image. Every decoded image "
        "should show a door, and the change should be gradual.",
    ),
    "traversals": Caption(
        "representation",
        "Traversals of single latents",
        "One latent varies from left to right, by 2.5 standard deviations in both directions; all "
        "others are constant. The middle column is the reconstruction of a held-out frame. "
        "Instance latents z should open and close the door; context latents c should change the "
        "door itself. The label of a row names the parameter that correlates most with the latent, "
        "with Pearson's r.",
    ),
    "embedding": Caption(
        "representation",
        "Maps of the embeddings",
        "Each point is a held-out door, projected onto the first two principal components of a "
        "model's embedding. The color shows a true parameter, which the projection does not use. "
        "Separated colors or smooth gradients mean that the parameter accounts for much of the "
        "variance of the embedding.",
    ),
    "correlations": Caption(
        "representation",
        "Correlations of latents and parameters",
        "Pearson's correlation of every latent with every true parameter, over the frames of "
        "held-out doors. In the statistician, the joint angle should correlate with z (right of "
        "the line) and not with c; the parameters of the door should correlate with c.",
    ),
    "probes": Caption(
        "representation",
        "Linear probes",
        "Scores of linear probes on frozen embeddings of held-out doors; bars are 95 % intervals. "
        "The probe of the joint angle uses the embedding of each frame; all other probes use the "
        "embedding of the door.",
    ),
    "probe_frames": Caption(
        "representation",
        "Probe scores by number of frames",
        "Scores of the same probes by the number of encoded frames. The first frame shows the "
        "closed door, so its joint angle is always zero. Dotted line: a constant prediction.",
        optional=True,
    ),
    "probe_doors": Caption(
        "representation",
        "Probe scores by number of labeled doors",
        "Scores of the same probes by the number of doors that the probe is fitted on. The more "
        "linearly an embedding encodes a parameter, the fewer doors its probe needs. Dotted line: "
        "a constant prediction.",
        optional=True,
    ),
    "landscape": Caption(
        "reward",
        "Predictions of {model} before and after interactions",
        "Predicted rewards on slices of the four-dimensional action space, for doors with a latch. "
        "The two other coordinates are those of the oracle's action. From images only, the model "
        "should predict the direction of the hinge and whether to pull (swing > 0) or push "
        "(swing < 0). Images do not show which way the handle turns: the model must infer it from "
        "interactions.",
    ),
    "calibration": Caption(
        "reward",
        "Calibration of the predictions",
        "Recorded interactions with held-out doors, predicted from frames and {context} other "
        "interactions. Left: observed rewards by predicted reward. Right: the share of rewards "
        "inside the predicted intervals, by their nominal coverage. On the dotted line, "
        "predictions and intervals are calibrated.",
    ),
    "adaptation": Caption(
        "reward",
        "Prediction error by size of the context set",
        "Squared error of the predicted reward on held-out doors, by the number of interactions "
        "with the same door in the context set. A decrease shows that the model infers parameters "
        "that images do not show.",
    ),
    "opened": Caption(
        "bandit",
        "Doors opened by number of interactions",
        "The share of held-out doors that each policy has opened, to at least 90 % of the oracle's "
        "reward, within a number of interactions. Bands are 95 % intervals over doors.",
    ),
    "regret": Caption(
        "bandit",
        "Regret",
        "The reward of the oracle, which knows all parameters of the door, minus the reward of the "
        "policy. Zero is optimal. Bands are 95 % intervals over doors; all policies are evaluated "
        "on the same doors.",
    ),
    "study_labels": Caption(
        "study",
        "Errors and regret by number of labeled doors",
        "Squared error of predicted rewards, divided by their variance (mean over context sets of "
        "0 to 10 interactions), and mean regret per interaction, on held-out doors. Bars are 95 % "
        "intervals over doors and training seeds.",
    ),
    "study_adaptation": Caption(
        "study",
        "Prediction error of the study by size of the context set",
        "Squared error of the predicted reward, by the number of interactions with the same door "
        "in the context set.",
    ),
    "study_regret": Caption(
        "study",
        "Regret of the study by number of interactions",
        "Regret of models, and of policies that need no labels, on the same doors.",
    ),
    "training": Caption(
        "making",
        "Training curves",
        "Losses of every run (running mean); dots are validation doors. Pretraining: negative ELBO "
        "per pixel. Reward models: squared error of the reward; on validation doors, the mean over "
        "several sizes of the context set. Bottom: KL divergences of the latents of pretrained "
        "models, in nats. A latent has collapsed if its KL falls to zero.",
    ),
}


def fill(text: str, words: Mapping[str, str]) -> str:
    """Replaces the {names} in `text` by `words`; names without a word become "some"."""
    return text.format_map(defaultdict(lambda: "some", words))
