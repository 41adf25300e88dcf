"""One file per figure: arrays in, a matplotlib Figure out. Nothing here computes a result."""
