"""Objectives: pure functions on distributions, apart from the networks that make them."""
