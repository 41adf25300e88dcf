import pytest

from doorlab.data.hub.card import CardInfo, dataset_card
from doorlab.data.hub.tables import columns
from doorlab.data.manifest import Manifest
from doorlab.data.schema import SPLITS
from doorlab.data.sources.importing import ImportConfig


@pytest.fixture
def card(dataset):
    return dataset_card(dataset.manifest, CardInfo('My "doors"', "cc-by-4.0"))


def parts(card):
    _, header, body = card.split("---\n", 2)
    return header, body


def test_dataset_card_explains_every_column(card, dataset):
    body = parts(card)[1]
    for column in columns(dataset.config):
        assert f"| `{column}` |" in body
    assert "| `images` | 3 PNG images | RGB |" in body
    assert "| `actions` | float32 x 5 x 4 | in Box(-1, 1) |" in body
    assert "| `mass` | float64 | kg (not visible in images) |" in body
    assert "| `hinge_side` | string | left, right |" in body


def test_dataset_card_shows_figures_of_dataset(card, dataset):
    body = parts(card)[1]
    assert "11 doors, simulated by fake. One row is one door: 3 images of 16 x 16" in body
    assert "| train | 6 |\n| validation | 2 |\n| test | 3 |" in body
    assert dataset.checksum in body
    assert "videos of the first 1 doors" in body
    assert "{" not in body.split("```json")[0]  # nothing was forgotten


def test_dataset_card_header_is_valid_hub_yaml(card):
    yaml = pytest.importorskip("yaml")
    header = yaml.safe_load(parts(card)[0])
    assert (header["pretty_name"], header["license"]) == ('My "doors"', "cc-by-4.0")
    assert header["size_categories"] == ["n<1K"]
    files = {f["split"]: f["path"] for f in header["configs"][0]["data_files"]}
    assert files == {split: f"data/{split}-*.parquet" for split in SPLITS}


def test_dataset_card_of_footage_is_short():
    config = ImportConfig(source="flat", names=("hall", "attic"), test_fraction=0.5)
    header, body = parts(dataset_card(Manifest(config, "a camera"), CardInfo()))
    assert "license" not in header
    assert "split: validation" not in header  # two doors: none is in it
    assert "2 doors, imported from the footage in flat" in body
    assert "| `name` | string |" in body
    for absent in ("radians", "interactions", "videos/", "attic"):
        assert absent not in body
