"""The longer fuzz: `python tests/fuzz/long.py --trials 2000 --seed 1`. Not part of the suite.

Prints every fault with what repeats it, and a summary; exits with 1 if there was a fault.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from runner import import_everything, make_artifacts, run_trial
from trials import draw_damage_trial, draw_environment_trial, draw_option_trial

KINDS = {
    "options": (draw_option_trial, 0.5),
    "damage": (draw_damage_trial, 0.42),
    "environment": (draw_environment_trial, 0.08),
}


def main() -> int:
    """Runs the trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="begin no trial after so long"
    )
    parser.add_argument("--limit", type=float, default=30, help="seconds for a trial")
    chosen = parser.parse_args()
    endings: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        import_everything()
        artifacts = make_artifacts(Path(folder, "artifacts"))
        end = time.monotonic() + chosen.seconds
        for number in range(chosen.first, chosen.first + chosen.trials):
            if time.monotonic() > end:
                break
            rng = random.Random(f"{chosen.seed}/{number}")
            names, weights = list(KINDS), [weight for _, weight in KINDS.values()]
            kind = chosen.only or rng.choices(names, weights)[0]
            trial = KINDS[kind][0](rng)
            ending = run_trial(trial, artifacts, Path(folder, f"trial-{number}"), chosen.limit)
            endings[f"{kind}: {'fault' if ending.fault else _word(ending.status)}"] += 1
            if ending.fault:
                print(f"--- trial {number} ({kind}): {ending.fault}; {trial.note}")
                print("doorlab", *map(repr, trial.arguments), trial.environment or "")
                print(ending.output[-3000:], flush=True)
    trials = sum(endings.values())
    print(json.dumps({"trials": trials, "seed": chosen.seed, **sorted_dict(endings)}))
    return int(any("fault" in name for name in endings))


def sorted_dict(counts: collections.Counter[str]) -> dict[str, int]:
    """Counts by name."""
    return dict(sorted(counts.items()))


def _word(status: int | None) -> str:
    return {0: "success", None: "time limit"}.get(status, "one line")


if __name__ == "__main__":
    sys.exit(main())
