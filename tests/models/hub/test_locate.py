import pytest

from doorlab.errors import CheckpointError
from doorlab.models.hub import locate
from doorlab.models.hub.locate import (
    expand_models,
    find_model,
    find_models,
    is_shipped,
    shipped_models,
    shipped_name,
)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder with shipped models, in place of that of doorlab."""
    for name in ("narrow/ssnp", "narrow/statistician", "other/ssnp"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "config.json").write_text("{}")
    monkeypatch.setattr(locate, "_shipped_root", lambda: tmp_path / "models")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "models"


def test_set_stands_for_model_of_role(shipped):
    assert list(shipped_models()) == ["narrow/ssnp", "narrow/statistician", "other/ssnp"]
    assert find_model("narrow", "reward") == shipped / "narrow/ssnp"
    assert find_model("narrow", "encoder") == shipped / "narrow/statistician"
    assert find_model("narrow/ssnp", "encoder") == shipped / "narrow/ssnp"
    assert find_models(["other", shipped], "reward") == (shipped / "other/ssnp", shipped)


def test_folder_takes_precedence_over_shipped_name(shipped, tmp_path):
    assert is_shipped("narrow")
    (tmp_path / "here/narrow").mkdir()
    assert find_model("narrow", "reward").resolve() == tmp_path / "here/narrow"
    assert not is_shipped("narrow")
    assert find_model("narrow/ssnp", "reward") == shipped / "narrow/ssnp"


def test_expanded_sets_list_every_model_once(shipped, tmp_path):
    (tmp_path / "here/mine").mkdir()
    found = expand_models(["mine", "narrow", "narrow/ssnp"])
    names = [shipped_name(folder) or str(folder) for folder in found]
    assert names == ["mine", "narrow/ssnp", "narrow/statistician"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("narow", r"nothing there\. Did you mean 'narrow'\?"),
        ("other/statistician", "a shipped model"),
        ("runs/mine", r"model\.json or config\.json at runs/mine.*Check the path"),
    ],
)
def test_unknown_names_are_refused(shipped, name, message):
    with pytest.raises(CheckpointError, match=message):
        find_model(name, "encoder")


def test_doorlab_without_shipped_weights_says_what_is_missing(shipped, monkeypatch):
    monkeypatch.setattr(locate, "_shipped_root", lambda: shipped / "none")
    with pytest.raises(CheckpointError, match=r"config\.json at narrow, but got nothing there"):
        find_model("narrow", "reward")
