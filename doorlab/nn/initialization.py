"""How weights start."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def kaiming_init_(module: M) -> M:
    """He's start (He et al. 2015) for every layer before a ReLU; returns the module.

    PyTorch's own start shrinks pictures layer by layer until all doors look the same.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module
