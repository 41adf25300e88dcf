"""Sources of datasets: simulation, and footage of real doors."""
