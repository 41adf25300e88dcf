"""Small networks, and doors made of random pixels."""

from helpers.small_models import batch, frames, small

__all__ = ["batch", "frames", "small"]
