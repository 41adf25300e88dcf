"""Reward models: an encoder and a neural process."""
