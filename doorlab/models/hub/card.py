"""The README.md of an exported model, called the model card on model hubs.

The text is a function of config.json only, so that a card always agrees with its model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from doorlab.models.hub.card_tables import (
    dataset_rows,
    probe_rows,
    regret_rows,
    table,
    validation_rows,
)
from doorlab.models.registry import is_reward_model
from doorlab.registry import short_name

_CARD = """---
{header}
---

# {title}

{summary}

## Use

{use}

## Training data

{data}

## Training

{training}

## Results

{results}

## Intended use

{intended}

## Limits

{limits}

## License

{license}
"""

_USES = {
    True: """```python
from doorlab import RewardPredictor

predictor = RewardPredictor.from_pretrained("OWNER/NAME")  # or this folder
predictor.observe(frames)  # images of one door, uint8 RGB, of any size
action = predictor.suggest()
predictor.record(action, reward)  # opened share of the full range, in [0, 1]
```

`doorlab bandit --models FOLDER` opens held-out doors with it.""",
    False: """```python
from doorlab import encoder_from_pretrained

encoder = encoder_from_pretrained("OWNER/NAME")  # or this folder
embedding = encoder.embed(x)  # (doors, frames, 3, height, width) in [0, 1] -> (doors, E)
```

`doorlab probe --models FOLDER` evaluates it, and `doorlab train --pretrained FOLDER` trains a
reward model from it.""",
}
_SUMMARIES = {
    True: "A reward model of doorlab: it predicts the reward of an action on a door from frames of "
    "the door and from earlier interactions with it. Kind: `{kind}`.",
    False: "An encoder of doorlab: it embeds frames of a door. Kind: `{kind}`.",
}
_INTENDED = {
    True: "Research on opening unknown doors in few interactions: a baseline of `doorlab bandit`, "
    "a starting point for training on other doors, and suggestions of actions for a supervised "
    "robot.",
    False: "Research on representations of doors: a baseline of `doorlab probe`, and a starting "
    "point for reward models.",
}
_LOOKS = {
    "narrow": "All training doors have one appearance, and one camera pose per door.",
    "narrow_moving": "All training doors have one appearance.",
}
_LIMITS = """- The frames are rendered. No result of this card uses images of real doors.
- {doors}
- The actions are paths of a hand that grips the handle. The rewards are those of the simulator: an
  arm can reach fewer of them.
- The model knows no forces, obstacles or persons. Use it on a robot with limits of force and speed,
  and under supervision."""


def model_card(document: Mapping[str, Any]) -> str:
    """The text of README.md, including the YAML header for model hubs.

    Args:
        document: content of config.json (`models.hub.export`).
    """
    card, kind = document["card"], short_name(document["kind"])
    rewards = is_reward_model(document["kind"])
    training = card["training"]
    return _CARD.format(
        header=_header(document),
        title=card["title"],
        summary=_SUMMARIES[rewards].format(kind=kind) + _part_of(document),
        use=_USES[rewards],
        data=_data(training["dataset"], document["image_size"]),
        training=_training(document),
        results="\n\n".join(_results(document)) or "The export contains no results.",
        intended=_INTENDED[rewards],
        limits=_LIMITS.format(doors=_limits_of(training["dataset"])),
        license=f"`{card['license']}`" if card["license"] else "The author states no license.",
    )


def _part_of(document: Mapping[str, Any]) -> str:
    model = document.get("weights_of")
    return (
        f" It is part of the reward model in `{model}`, whose file contains its weights."
        if model
        else ""
    )


def _header(document: Mapping[str, Any]) -> str:
    """The YAML header; its values are JSON, which YAML contains."""
    card = document["card"]
    entries: dict[str, Any] = {
        **({"license": card["license"]} if card["license"] else {}),
        "library_name": "doorlab",
        "pipeline_tag": "robotics",
        "tags": ["doors", "articulated-objects", "doorlab", short_name(document["kind"])],
    }
    results = _index(card)
    if results:
        entries["model-index"] = [{"name": card["title"], "results": results}]
    return "\n".join(f"{name}: {json.dumps(value)}" for name, value in entries.items())


def _index(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The results of the model in the format of model hubs."""
    found = []
    regret = card["evaluation"].get("bandit")
    if regret:
        value = regret["policies"]["model"]["mean_regret"]
        found.append(("opening doors", regret, [("regret", "mean regret", value)]))
    probes = card["evaluation"].get("probe")
    if probes:
        scores = probes["scores"].values()
        metrics = [(s.get("metric", "r2"), f"linear probe: {s['label']}", s) for s in scores]
        found.append(("linear probes", probes, metrics))
    return [
        {
            "task": {"type": "robotics", "name": name},
            "dataset": {
                "type": "doorlab",
                "name": f"simulated doors, {result['dataset_checksum']}",
                "split": result["split"],
            },
            "metrics": [
                {"type": kind, "name": words, "value": round(value["mean"], 4)}
                for kind, words, value in metrics
            ],
        }
        for name, result, metrics in found
    ]


def _data(facts: Mapping[str, Any], image_size: int) -> str:
    rows = table(["property", "value"], dataset_rows(facts, image_size))
    if facts.get("streamed"):
        return f"Every training step simulated new doors.\n\n{rows}"
    command = facts.get("command")
    return f"{rows}\n\n```sh\n{command}\n```" if command else rows


def _training(document: Mapping[str, Any]) -> str:
    training, origin = document["card"]["training"], document["card"]["training"]["provenance"]
    command = training.get("command")
    numbers = {
        "training seed": training.get("seed"),
        "steps": training.get("steps"),
        "parameters": training.get("parameters"),
        "labeled doors": training.get("labeled_doors"),
        "doors whose frames were used": training.get("frame_doors"),
    }
    rows = [[k, f"{v}" if "seed" in k else f"{v:,}"] for k, v in numbers.items() if v is not None]
    rows.append(["stored as", document["dtype"]])
    rows.append(["checksum of the weights", f"`{document['weights_checksum']}`"])
    rows += [[name, f"`{value}`"] for name, value in origin.items() if value]
    shown = table(["property", "value"], rows)
    return f"```sh\n{command}\n```\n\n{shown}" if command else shown


def _results(document: Mapping[str, Any]) -> list[str]:
    card = document["card"]
    parts = []
    regret, probes = card["evaluation"].get("bandit"), card["evaluation"].get("probe")
    if regret:
        parts.append(
            f"Regret on {regret['doors']} {_doors_of(regret, card)}, {regret['horizon']} "
            "interactions each: the reward of the oracle minus the reward of the policy. Means "
            "with 95 % intervals over doors."
        )
        head = ["policy", "mean regret", "first reward", "last reward"]
        parts.append(table(head, regret_rows(regret["policies"])))
    if probes:
        parts.append(
            f"Linear probes of the embedding on {probes['doors'].get('test', 0)} "
            f"{_doors_of(probes, card)}, {probes['frames']} frames each. Scores with 95 % "
            "intervals over doors; the last column is the score of a constant prediction."
        )
        head = ["target", "metric", "score", "constant"]
        parts.append(table(head, probe_rows(probes["scores"])))
    validation = validation_rows(card["training"]["metrics"])
    if validation:
        parts.append("Validation doors, which selected the weights. Means with 95 % intervals.")
        parts.append(table(["metric", "mean", "doors"], validation))
    return parts


def _doors_of(result: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """The doors of a result in words, as seen from the training."""
    trained, split = card["training"]["dataset"].get("checksum"), result.get("split")
    if result["dataset_checksum"] != trained:
        return f"doors of another dataset (`{result['dataset_checksum']}`)"
    return "test doors, which were not used in training" if split == "test" else f"{split} doors"


def _limits_of(facts: Mapping[str, Any]) -> str:
    prior = facts.get("prior")
    if prior is None:
        return "The model knows only doors like those of its dataset."
    return _LOOKS.get(prior, f"All training doors are samples of the prior `{prior}`.")
