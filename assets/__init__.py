"""Meshes that ship with doorlab: `doorlab.doors.meshes` finds them."""
