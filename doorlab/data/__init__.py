"""The dataset on disk: written shard by shard from a simulator or from footage, read as arrays.

`doorlab.data.tensors.batches` (training batches) needs torch and is therefore not imported here.
"""

from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import ARRAYS, FORMAT_VERSION, SPLITS
from doorlab.data.sources.importing import ImportConfig
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.data.writer import import_dataset, write_dataset

__all__ = [
    "ARRAYS",
    "FORMAT_VERSION",
    "SPLITS",
    "DoorDataset",
    "GenerationConfig",
    "ImportConfig",
    "import_dataset",
    "write_dataset",
]
