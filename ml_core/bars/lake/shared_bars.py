"""What a lake needs of bars that several machines share, each of which has a copy."""

from __future__ import annotations

from typing import Protocol

from ml_core.errors import TransientError


class LakeMovedError(TransientError):
    """Another machine changed the shared bars meanwhile; nothing was changed there."""

    symbol: str
    template = (
        "another machine changed the bars of {symbol} at the same time, and its change is in "
        "force; try again, which adds to it"
    )


class SharedBars(Protocol):
    """The bars that several machines share, of which a lake's folder is a copy.

    The caller of ``fetch`` and ``publish`` holds the lock of the symbol's folder.
    """

    def is_current(self, symbol: str) -> bool:
        """Return whether the copy is of the shared state that is in force."""

    def fetch(self, symbol: str) -> None:
        """Make the copy what the shared state is."""

    def publish(self, symbol: str, *, replace: bool = False) -> None:
        """Make the shared state what the copy is.

        Parameters
        ----------
        replace
            Whether a state that was not fetched is replaced.

        Raises
        ------
        LakeMovedError
            It is no longer the one that was fetched; it stays as it is.
        """
