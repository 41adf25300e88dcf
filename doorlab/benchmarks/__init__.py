"""Throughput of this machine: what `doorlab bench` measures. Never run as tests.

Shared machines drift, so speeds are compared in pairs: every round times both sides, in turn.
"""
