"""Where the doors of a dataset come from: simulation or footage."""
