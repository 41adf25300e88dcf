"""Network blocks that know nothing about doors."""
