"""The dataset on disk: generated shard by shard, read as arrays. Batches for training apart.

`doorlab.data.batches` needs torch and is therefore not imported here.
"""

from doorlab.data.dataset import DoorDataset
from doorlab.data.generation import GenerationConfig
from doorlab.data.schema import ARRAYS, FORMAT_VERSION, SPLITS
from doorlab.data.writing import write_dataset

__all__ = [
    "ARRAYS",
    "FORMAT_VERSION",
    "SPLITS",
    "DoorDataset",
    "GenerationConfig",
    "write_dataset",
]
