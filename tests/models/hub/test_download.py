import sys
from types import SimpleNamespace

import pytest

from doorlab import RewardPredictor, encoder_from_pretrained
from doorlab.errors import CheckpointError, ConfigError
from doorlab.models.hub.download import find_or_download
from doorlab.models.hub.export import ModelCardInfo, export_model


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A stand-in of huggingface_hub: repository -> folder; lists the downloads."""
    hub = SimpleNamespace(folders={}, asked=[])

    def snapshot_download(repository, *, allow_patterns):
        hub.asked.append((repository, allow_patterns))
        if repository not in hub.folders:
            raise OSError(f"404: no repository {repository}\nRequest ID: 7")
        return str(hub.folders[repository])

    module = SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    monkeypatch.chdir(tmp_path)
    return hub


def test_from_pretrained_downloads_repository(hub, make_run, tmp_path):
    export_model(make_run(), tmp_path / "cache", ModelCardInfo())
    hub.folders["me/doors"] = tmp_path / "cache"
    found = RewardPredictor.from_pretrained("me/doors")
    assert repr(found) == repr(RewardPredictor.load(tmp_path / "run"))
    assert hub.asked == [("me/doors", ["*.json", "*.safetensors", "README.md"])]


def test_encoder_from_pretrained_downloads_repository(hub, make_run, tmp_path):
    hub.folders["me/encoder"] = make_run("statistician")
    assert type(encoder_from_pretrained("me/encoder")).__name__ == "NeuralStatistician"
    hub.folders["me/rewards"] = make_run("np", "other")
    with pytest.raises(CheckpointError, match=r"an encoder in .*RewardPredictor\.from_pretrained"):
        encoder_from_pretrained("me/rewards")


@pytest.mark.parametrize("name", ["runs/there", "narrow/ssnp", "narrow"])
def test_folders_and_shipped_names_are_not_downloaded(hub, tmp_path, name):
    (tmp_path / "runs/there").mkdir(parents=True)
    assert find_or_download(name, "reward").is_dir()
    assert hub.asked == []


@pytest.mark.parametrize("name", ["nothing", "a/b/c", "../up"])
def test_names_of_no_repository_are_not_downloaded(hub, name):
    with pytest.raises(CheckpointError, match="nothing there"):
        find_or_download(name, "reward")
    assert hub.asked == []


def test_load_never_downloads(hub):
    with pytest.raises(CheckpointError, match="nothing there"):
        RewardPredictor.load("me/doors")
    assert hub.asked == []


def test_failed_download_names_reason(hub):
    with pytest.raises(CheckpointError, match=r"but got 404: no repository me/none\. Check"):
        RewardPredictor.from_pretrained("me/none")


def test_missing_library_is_named(hub, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"huggingface_hub to download it.*doorlab\[hub\]"):
        RewardPredictor.from_pretrained("me/doors")
