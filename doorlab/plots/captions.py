"""The words of the report: its sections, and for each figure what to look at in it."""

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
        "A robot stands before a door that it has never seen. It has a few pictures of the door, "
        "taken while others went through. Then it acts: it grips the handle, turns it, and moves "
        "along an arc about where it supposes the hinge. The reward is how far the door opens, "
        "from 0 to 1. Where the hinge is and whether to pull or push can be seen; a latch's "
        "direction, a closer's strength and the friction can only be felt."
    ),
    "representation": (
        "A neural statistician learns from unlabelled pictures: a context latent c for what makes "
        "a door this door, and an instance latent z for each picture of it. A VAE of about the "
        "same size, which sees single pictures and no doors, is the baseline. Neither is told a "
        "door's parameters; where a supervised network is shown, it was, as the ceiling. All that "
        "follows is on held-out doors."
    ),
    "reward": (
        "The models predict the reward of an action on a door from its pictures and from what was "
        "tried on it so far. SSNP learns jointly from the pictures of all doors and from the "
        "interactions of the labelled ones; NP has the same encoder and the labelled doors alone; "
        "the other two predict from frozen embeddings of pretrained models."
    ),
    "bandit": (
        "Every policy tries to open the same held-out doors. A model's policy picks the action "
        "that the model thinks best, tries it, and lets the model know. GP-UCB searches each door "
        "by touch alone; the visible oracle knows everything that can be seen and has to find out "
        "the rest; the oracle knows everything."
    ),
    "study": (
        "Labels are interactions with a door: they cost a robot's time, pictures do not. Every "
        "model was trained with few labelled doors and with many; the same few for all models. "
        "Every claim is about doors that none of them was trained on."
    ),
    "making": (
        "Every number on this page comes from a result file of the run, which holds its settings, "
        "its seed and the checksum of its dataset."
    ),
}


@dataclass(frozen=True)
class Caption:
    """A figure's place and words.

    Attributes:
        section: anchor of its section in the report.
        heading: what it shows.
        text: what to look at.
        optional: whether a run that has it not says nothing of it.
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
        "Doors sampled from the prior",
        "Above, real doors. Each row of the statistician is one door drawn from its prior, in "
        "several instances. A VAE has no notion of a door: each of its pictures stands alone.",
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
    """`text` with its {names} replaced by `words`; a name that has no word reads "some"."""
    return text.format_map(defaultdict(lambda: "some", words))
