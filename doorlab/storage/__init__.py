"""Files and folders: atomic writes, locks, replacement as a whole, state files, JSON schemas."""
