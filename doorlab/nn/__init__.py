"""Network blocks that are independent of doors."""
