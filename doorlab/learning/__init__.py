"""Training on doors: configs, run folders, batches, the embedding cache, phases."""
