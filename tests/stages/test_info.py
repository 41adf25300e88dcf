from dataclasses import replace

import pytest

from doorlab.data import GenerationConfig, write_dataset
from doorlab.data.manifest import Manifest
from doorlab.errors import DatasetError
from doorlab.stages.info import Config, run

CONFIG = GenerationConfig(
    doors=5, frames=2, interactions=3, image_size=16, shard_doors=2, test_fraction=0.2, videos=0
)


@pytest.fixture
def path(tmp_path):
    pytest.importorskip("pybullet")
    write_dataset(tmp_path / "data", CONFIG)
    return tmp_path / "data"


def test_info_shows_counts_settings_and_arrays(path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    run(Config(path, verify=True))
    out = capsys.readouterr().out
    for expected in ("doors", "10 of 16 x 16 pixels", "tinyrenderer", "all 3 parts have"):
        assert expected in out
    for expected in ("shard_doors", "door/appearance/panel_color", "N m s / rad", "2 x 16 x 16"):
        assert expected in out
    assert Manifest.read(path).checksum in out


def test_info_verify_names_damaged_shard(path):
    file = path / "shards/shard-00001/rewards/c/0/0"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    run(Config(path))  # a look does not read everything
    with pytest.raises(DatasetError, match=r"damaged parts shards/shard-00001. .*--resume"):
        run(Config(path, verify=True))


def test_info_shows_missing_parts_with_resume_command(path, capsys):
    manifest = Manifest.read(path)
    del manifest.parts["shards/shard-00000"]
    manifest.write(path)
    run(Config(path))
    out = capsys.readouterr().out
    assert "1 missing" in out
    assert f"doorlab generate --out {path} --doors 5" in out


def test_info_escapes_markup_of_dataset(path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    manifest = Manifest.read(path)
    replace(manifest, renderer="[/red]\x1b]0;t\x07\n:door:").write(path)
    run(Config(path))
    assert r"images by [/red]\x1b]0;t\x07\n:door:" in capsys.readouterr().out


def test_info_shows_names_in_brackets(path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    odd = path.rename(path.with_name("[tiny]x [red]"))
    manifest = Manifest.read(odd)
    del manifest.parts["shards/shard-00000"]
    manifest.write(odd)
    run(Config(odd))
    out = capsys.readouterr().out
    assert out.count("[tiny]x [red]") == 2  # the heading, and the command that goes on


def test_info_rejects_folder_without_dataset(tmp_path):
    with pytest.raises(DatasetError, match="doorlab generate"):
        run(Config(tmp_path))


def test_info_shows_non_default_ranges_of_outside_prior(tmp_path, capsys):
    (tmp_path / "heavy.json").write_text('{"mass": [28.0, 30.0]}')
    config = replace(CONFIG, prior=str(tmp_path / "heavy.json"), simulator="torch")
    write_dataset(tmp_path / "data", config)
    run(Config(tmp_path / "data"))
    shown = capsys.readouterr().out.partition("Prior, where")[2].partition("Arrays")[0]
    assert "[28.0, 30.0]" in shown
    assert "width" not in shown
