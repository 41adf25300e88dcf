"""Simulators from their start to `close`."""

from __future__ import annotations

from doorlab.errors import SimulatorError


class Closable:
    """What a simulator knows of its own end."""

    _is_closed = False

    def close(self) -> None:
        """Ends the simulator. Calling it twice is harmless."""
        self._is_closed = True

    def _require_open(self) -> None:
        """Raises SimulatorError after `close`."""
        if self._is_closed:
            raise SimulatorError(
                "an open simulator", "one that was closed", "make another with make_simulator"
            )
