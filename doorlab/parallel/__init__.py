"""Parallel work: worker processes, clusters of machines, and prefetching in a thread."""
