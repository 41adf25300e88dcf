"""Objectives: pure functions of distributions, independent of the networks that predict them."""
