"""Errors, classed by who must act."""

from __future__ import annotations


class OrbcastError(Exception):
    """Base of every error Orbcast raises on purpose.

    A subclass passes its fields to ``super().__init__`` and composes the message in ``__str__``,
    so that it survives the trip between processes whole.
    """


class InputError(OrbcastError):
    """The trader must mend data or configuration (exit status 2)."""


class OperatorError(OrbcastError):
    """The operator must mend the machine, a service or a permission (exit status 3)."""


class DefectError(OrbcastError):
    """A developer must mend Orbcast (exit status 4)."""


class TransientError(OrbcastError):
    """Nobody need act: trying again later is the remedy (exit status 5)."""
