"""Lightning Fabric, isolated from environment variables of other launchers.

Lightning reads its own variables and those of torchrun at import. Torch and Fabric then treat the
process as one of several that were started together.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

# Variables that torchrun, Fabric's command line and others set for the processes they start.
_OF_LAUNCHERS = {
    "GROUP_RANK", "JSM_NAMESPACE_RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR",
    "MASTER_PORT", "NODE_RANK", "RANK", "SLURM_PROCID", "STANDALONE_PORT", "WORLD_SIZE",
}  # fmt: skip
_PREFIXES_OF_LAUNCHERS = ("LT_", "TORCHELASTIC_")


@contextlib.contextmanager
def launchers_ignored() -> Iterator[None]:
    """Hides variables of other launchers, and removes the variables that Fabric sets.

    With these variables, Fabric and torch would treat this process as one of several processes of
    another launcher.
    """
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if _is_of_launchers(name)}
    try:
        yield
    finally:
        for name in filter(_is_of_launchers, list(os.environ)):
            del os.environ[name]
        os.environ.update(hidden)


def _is_of_launchers(name: str) -> bool:
    return name in _OF_LAUNCHERS or name.startswith(_PREFIXES_OF_LAUNCHERS)


with launchers_ignored():
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from lightning_fabric.strategies.ddp import DDPStrategy

__all__ = ["DDPStrategy", "Fabric", "LightningEnvironment", "launchers_ignored"]
