"""Datasets as tensors: batches, augmentation and streams of simulated doors. Needs torch."""
