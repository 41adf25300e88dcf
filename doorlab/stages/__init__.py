"""The pipeline, one readable file per stage: Config, PRESETS, run(config)."""
