"""Encoders: one embedding per door from its frames."""
