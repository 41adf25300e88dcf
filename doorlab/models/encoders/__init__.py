"""Encoders: networks that map the frames of a door to one embedding."""
