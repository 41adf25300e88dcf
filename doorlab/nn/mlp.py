"""Multilayer perceptrons."""

from __future__ import annotations

from torch import nn


def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers of these sizes with GELU between them (none at the end)."""
    layers: list[nn.Module] = []
    for i, (size_in, size_out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        layers += [nn.GELU()] if i else []
        layers.append(nn.Linear(size_in, size_out))
    return nn.Sequential(*layers)
