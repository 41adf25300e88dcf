"""Files and folders: atomic writes, locks, atomic replacement, state files, JSON schemas."""
