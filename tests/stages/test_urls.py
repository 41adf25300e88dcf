"""Commands with the URL of a dataset, against the same commands with its folder."""

import json
from pathlib import Path

import pytest
from helpers.fake_simulator import tree
from helpers.object_stores import serving

from doorlab.cli import main
from doorlab.data import DoorDataset, GenerationConfig, write_dataset

URL = "s3://bucket/doors"
_TRAINING = "--steps 2 --batch-size 4 --frames 3 --device cpu"
_LABELS = "--num-labeled 10 --unlabeled-batch-size 4 --context 3 --targets 5"
_DIAGNOSIS = "--preset tiny --doors 8 --samples 2 --feature-steps 1 --attribute-steps 1"
# Command -> its arguments besides --data and --out, its result file, and an entry of that file.
RESULTS = {
    "pretrain": (f"--model vae {_TRAINING}", "metrics.json", "dataset_checksum"),
    "train": (f"--model np {_TRAINING} {_LABELS}", "metrics.json", "dataset_checksum"),
    "probe": ("--models MODEL", "probes.json", "probes"),
    "diagnose": (f"--models MODEL {_DIAGNOSIS}", "diagnosis.json", "diagnosis"),
    "bandit": (
        "--policies random oracle --doors 5 --horizon 2 --workers 1", "regret.json", "policies",
    ),
    "plot": ("embedding --run MODEL", "plot.json", "dataset_checksum"),
}  # fmt: skip


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """A folder with the dataset `bucket/doors`, which a server gives to S3 clients."""
    root = tmp_path_factory.mktemp("store")
    config = GenerationConfig(
        doors=40, frames=4, interactions=8, image_size=32, simulator="torch", shard_doors=16,
        validation_fraction=0.2, test_fraction=0.3, videos=0,
    )  # fmt: skip
    write_dataset(root / "bucket/doors", config, workers=1)
    with serving(root) as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "key")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_ENDPOINT_URL", server.endpoint)
        yield root / "bucket/doors"


@pytest.fixture(scope="module")
def model(bucket, tmp_path_factory) -> Path:
    """The run of a VAE on this dataset."""
    run = tmp_path_factory.mktemp("runs") / "vae"
    options = RESULTS["pretrain"][0].split()
    assert main(["pretrain", "--data", str(bucket), "--out", str(run), *options]) == 0
    return run


@pytest.mark.parametrize("command", RESULTS)
def test_command_with_url_has_result_of_folder(bucket, model, tmp_path, command):
    options, name, entry = RESULTS[command]
    arguments = [str(model) if word == "MODEL" else word for word in options.split()]
    results = []
    for data in (str(bucket), URL):
        out = tmp_path / str(len(results))
        assert main([command, *arguments, "--data", data, "--out", str(out)]) == 0
        results.append(json.loads((out / name).read_text()))
        assert results[-1]["config"]["data"] == data
        assert results[-1]["dataset_checksum"] == DoorDataset.open(bucket).checksum
    assert results[0][entry] == results[1][entry]
    for file in ("weights.safetensors", "embedding.npz", "rollouts.npz", "probes.npz"):
        if (tmp_path / "0" / file).exists():
            assert (tmp_path / "0" / file).read_bytes() == (tmp_path / "1" / file).read_bytes()


@pytest.mark.parametrize("form", ["parquet", "lerobot", "lerobot --interactions 1"])
def test_export_of_url_has_files_of_folder(bucket, tmp_path, form):
    for name, data in (("folder", str(bucket)), ("url", URL)):
        out = str(tmp_path / name)
        assert main(["export", data, "--out", out, "--format", *form.split()]) == 0
    assert tree(tmp_path / "url") == tree(tmp_path / "folder")


def test_info_of_url_describes_dataset(bucket, capsys):
    assert main(["info", URL]) == 0
    assert DoorDataset.open(bucket).checksum in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["info", URL, "--verify"], f"got {URL}. Copy it into a folder first."),
        (["plot", "--run", URL], f"the folder of a run on this machine, but got the URL {URL}."),
        (["report", "--run", URL], f"the folder of a run on this machine, but got the URL {URL}."),
        (["explore", "--run", URL], f"the folder of a run on this machine, but got the URL {URL}."),
    ],
)
def test_command_that_needs_folder_says_so_in_one_sentence(bucket, capsys, arguments, sentence):
    assert main(arguments) == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("doorlab: error:")]
    assert sentence in line
