"""What embeds doors, of whatever kind it is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Encoder(Protocol):
    """What has eyes for doors."""

    def embed(self, x: Float[Tensor, "B M C H W"], /) -> Float[Tensor, "B E"]:
        """Doors from their frames, in [0, 1]."""
        ...
