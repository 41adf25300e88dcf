"""Named random streams: one user seed, independent generators for every purpose.

`stream(seed, "door", 17)` is the same generator on every machine, in every process, whatever
was drawn before. That makes a dataset independent of the number of workers that wrote it.
"""

from __future__ import annotations

import hashlib
import operator

import numpy as np


def stream(seed: int, *names: str | int | np.integer) -> np.random.Generator:
    """A generator that depends on `seed` and the path of `names`, and on nothing else."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(_entropy(seed, *names))))


def integer_seed(seed: int, *names: str | int | np.integer) -> int:
    """A 63-bit seed for libraries that want a number (torch, Gymnasium, Sobol engines)."""
    return _entropy(seed, *names) >> 65


def _entropy(seed: int, *names: str | int | np.integer) -> int:
    path = "/".join([str(int(seed)), *map(_part, names)])
    return int.from_bytes(hashlib.blake2b(path.encode(), digest_size=16).digest(), "little")


def _part(name: str | int | np.integer) -> str:
    # The type is part of the path: stream(0, "1") and stream(0, 1) differ, whatever integer 1 is.
    if isinstance(name, str):
        return "str:" + name.replace("\\", "\\\\").replace("/", "\\/")
    return f"int:{operator.index(name)}"
