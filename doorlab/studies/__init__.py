"""Commands that make many runs: the demo and the two studies."""
