"""Named random streams: one user seed, independent generators for every purpose.

`stream(seed, "door", 17)` returns the same generator on every machine and in every process,
independent of earlier calls. A dataset is therefore independent of the number of worker processes.
"""

from __future__ import annotations

import hashlib
import operator

import numpy as np


def stream(seed: int, *names: str | int | np.integer) -> np.random.Generator:
    """A generator that depends only on `seed` and the path of `names`."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(_entropy(seed, *names))))


def integer_seed(seed: int, *names: str | int | np.integer) -> int:
    """A 63-bit seed for libraries that need an integer (torch, Gymnasium, Sobol engines)."""
    return _entropy(seed, *names) >> 65


def _entropy(seed: int, *names: str | int | np.integer) -> int:
    path = "/".join([str(int(seed)), *map(_part, names)])
    return int.from_bytes(hashlib.blake2b(path.encode(), digest_size=16).digest(), "little")


def _part(name: str | int | np.integer) -> str:
    # The type is part of the path: stream(0, "1") and stream(0, 1) differ; all integer types agree.
    if isinstance(name, str):
        return "str:" + name.replace("\\", "\\\\").replace("/", "\\/")
    return f"int:{operator.index(name)}"
