"""Texts of the report: headings and introductions of sections, and captions of figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

SECTIONS = {
    "doors": "The doors",
    "representation": "What the representation learned",
    "reward": "What the reward model learned",
    "bandit": "How few tries",
    "study": "How few labels",
    "making": "How it was made",
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
        "Doors that no model was trained on",
        "One held-out door per row, as the robot sees it before it tries anything: first shut, "
        "then standing open by chance. {variety} A latch's direction, a closer and the friction "
        "leave no trace in a picture.",
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
        "context c alone. Each row should stay one door (same colours, side, size, place) while "
        "the angle varies.",
    ),
    "samples": Caption(
        "representation",
        "Sampled doors",
        "Above, real doors. Each row of the statistician is one sampled door in several states. A "
        "VAE has no notion of a door: each of its pictures stands alone. The sampled latents: "
        "{densities}.",
    ),
    "interpolations": Caption(
        "representation",
        "Doors between two doors",
        "Between two real doors (left and right) the statistician's context c moves in a straight "
        "line from the one to the other, while z stays what it is in the picture on the left. "
        "Every picture between should be a door, and the change gradual.",
    ),
    "traversals": Caption(
        "representation",
        "What single latents do",
        "One latent changes from left to right, by 2.5 standard deviations to either side, while "
        "all others stay; the column in the middle is the reconstruction of a held-out frame. "
        "Instance latents z should open and shut the door; context latents c should change the "
        "door. Below each name stands the parameter that it goes with best, and Pearson's r.",
    ),
    "embedding": Caption(
        "representation",
        "Maps of the embeddings",
        "Each point is a held-out door, placed by the two directions in which a model's embedding "
        "varies most, coloured by a true parameter that the map was not told. Separated colours "
        "and smooth gradients mean that the parameter is among what the model deems most "
        "important.",
    ),
    "correlations": Caption(
        "representation",
        "Which latent holds which parameter",
        "Pearson's correlation of every latent with every true parameter, over the frames of "
        "held-out doors. In the statistician the joint angle should go with z (right of the line) "
        "and with no c; what makes the door should go with c.",
    ),
    "probes": Caption(
        "representation",
        "What a linear probe can read",
        "Linear probes on frozen embeddings, scored on held-out doors; bars are 95 % intervals. "
        "The joint angle is read from the embedding of each frame, all else from that of the "
        "door.",
    ),
    "probe_frames": Caption(
        "representation",
        "What each further frame adds",
        "The same scores by the number of frames that the embedding was made from. The first frame "
        "shows the door shut: it has no angle to read. Dotted: always saying the same.",
        optional=True,
    ),
    "probe_doors": Caption(
        "representation",
        "What each further label adds",
        "The same scores by the number of doors whose true parameters the probe was told. A "
        "representation in which a parameter lies plainly needs few. Dotted: always saying the "
        "same.",
        optional=True,
    ),
    "landscape": Caption(
        "reward",
        "What {model} expects before and after trying",
        "Predicted reward over slices of the four-dimensional action space, on doors with a "
        "latch; all other numbers of the action are the best ones. From pictures alone it should "
        "know the hinge's direction and whether to pull (swing > 0) or push (swing < 0). Which "
        "way the handle turns can't be seen: only trying tells.",
    ),
    "calibration": Caption(
        "reward",
        "Can the predictions be trusted?",
        "Recorded interactions on held-out doors, predicted from frames and {context} other "
        "interactions. On the dotted line predictions come true and intervals are honest.",
    ),
    "adaptation": Caption(
        "reward",
        "Errors by the number of interactions seen",
        "Squared error of the predicted reward on held-out doors by the number of interactions "
        "that the model has seen on the same door. What falls here is what could not be seen in "
        "pictures.",
    ),
    "opened": Caption(
        "bandit",
        "Doors opened by each try",
        "The share of held-out doors that each policy has opened, to at least 90 % of what the "
        "oracle reaches, within so many tries. Bands are 95 % intervals over doors.",
    ),
    "regret": Caption(
        "bandit",
        "Regret",
        "What the oracle, who knows the door, would have obtained more. Zero is perfect. Bands "
        "are 95 % intervals over doors; all policies met the same doors.",
    ),
    "study_labels": Caption(
        "study",
        "Few labels, and many",
        "Squared error of predicted rewards, as a share of their variance (mean over 0 to 10 "
        "interactions seen), and mean regret over all tries, on doors that no model was trained "
        "on. Bars are 95 % intervals over doors and training seeds.",
    ),
    "study_adaptation": Caption(
        "study",
        "Errors of the study by the number of interactions seen",
        "Squared error of the reward predicted after so many interactions with the same door.",
    ),
    "study_regret": Caption(
        "study",
        "Regret of the study by the number of tries",
        "Regret of models and of policies that need no labels, on the same doors.",
    ),
    "training": Caption(
        "making",
        "Training",
        "The course of every run (running mean); dots are validation doors. Pretraining: negative "
        "ELBO per pixel. Reward models: squared error of the reward; on validation doors it is "
        "averaged over several numbers of interactions seen before. Below, what the latents of "
        "pretrained models say about their frames (KL, nats): one that falls to zero has "
        "collapsed.",
    ),
}


def fill(text: str, words: Mapping[str, str]) -> str:
    """Replaces the {names} in `text` by `words`; names without a word become "some"."""
    return text.format_map(defaultdict(lambda: "some", words))
