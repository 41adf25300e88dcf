"""One file per command: `Config`, `PRESETS` and `run(config)`."""
