import json
from pathlib import Path

import pytest
from helpers.predictors import SIZE, SMALL, model_of

from doorlab.data import DoorDataset
from doorlab.errors import ConfigError
from doorlab.evaluation.unseen_doors import check_unseen, generation_key
from doorlab.models.hub.export import ModelCardInfo, export_model
from doorlab.models.io import save_model


@pytest.mark.parametrize("exported", [False, True])
@pytest.mark.parametrize(
    ("checksum", "prior", "seed", "seen"),
    [
        ("blake2b:other", "narrow", 0, True),
        ("blake2b:other", "narrow", 1000, False),
        ("blake2b:other", "default", 0, False),
        ("its own", "narrow", 0, False),  # the split separates its doors
    ],
)
def test_doors_of_same_prior_and_seed_are_refused(
    painted_dataset, tmp_path: Path, exported, checksum, prior, seed, seen
):
    dataset = DoorDataset.open(painted_dataset)
    assert generation_key(dataset) == {"prior": "narrow", "seed": 0}
    own = dataset.checksum if checksum == "its own" else checksum
    run = tmp_path / "run"
    save_model(run, model_of("cnp"), "cnp", SIZE, SMALL, seed=0, dataset_checksum=own)
    key = {"prior": prior, "seed": seed}
    (run / "metrics.json").write_text(json.dumps({"stage": "train", "generation_key": key}))
    if exported:
        export_model(run, tmp_path / "out", ModelCardInfo())
        run = tmp_path / "out"
    if not seen:
        check_unseen(run, dataset)
        return
    with pytest.raises(ConfigError, match=r"no test door.*prior narrow and the seed 0.*--seed"):
        check_unseen(run, dataset)
