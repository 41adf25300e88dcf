"""Benchmarks of `doorlab bench`: throughput on this machine. Never run as tests.

The speed of shared machines drifts, so speeds are compared in pairs: every round times both sides.
"""
