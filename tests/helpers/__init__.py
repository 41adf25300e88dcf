"""What several test modules share: toy models, fake simulators, strategies, damaged files."""
