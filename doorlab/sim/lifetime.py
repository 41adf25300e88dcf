"""The lifetime of simulators, from construction to `close`."""

from __future__ import annotations

from doorlab.errors import SimulatorError


class Closable:
    """Base class that records whether a simulator was closed."""

    _is_closed = False

    def close(self) -> None:
        """Closes the simulator. Repeated calls have no effect."""
        self._is_closed = True

    def _require_open(self) -> None:
        """Raises SimulatorError after `close`."""
        if self._is_closed:
            raise SimulatorError(
                "an open simulator", "a closed one", "create another with make_simulator"
            )
