"""State of the process: devices, torch settings, locale, signals, environment variables."""
