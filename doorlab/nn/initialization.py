"""Initialization of weights."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def kaiming_init_(module: M) -> M:
    """Kaiming initialization (He et al. 2015) of all layers, suited to ReLUs; returns the module.

    PyTorch's default initialization shrinks activations layer by layer until the features
    of all doors are equal.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module
