"""Errors of the registry."""

from __future__ import annotations

from datetime import datetime

from ml_core.errors import InputError, OperatorError, TransientError


class DatabaseError(OperatorError):
    """A database that cannot be used as it is."""

    url: str
    fault: str
    remedy: str
    template = "database {url}: {fault}; {remedy}"


class BusyDatabaseError(TransientError):
    """A database that stayed locked for too long."""

    url: str
    fault: str
    template = "database {url} is busy or went away ({fault}); try again"


class PrematureAnswerError(OperatorError):
    """A live answer dated before the moment it is for: the clock is wrong."""

    slot: str
    made_at: datetime
    decision_time: datetime
    template = (
        "the live answer for {slot} says it was made at {made_at}, before the slot's window "
        "closed at {decision_time}; set this machine's clock right (NTP) and run it again"
    )


class NothingMissingError(InputError):
    """There is no gap to be accepted."""

    path: str
    template = "the database has every row that {path} notes: there is nothing to accept"


class UnknownVersionError(InputError):
    """A version or alias that is not there, or a prefix of several."""

    market: str
    ref: str
    candidates: tuple[str, ...]
    template = "{market} has no one model version {ref!r}; there are: {_versions}"

    @property
    def _versions(self) -> str:
        return ", ".join(self.candidates[:6]) or "none yet: run `orbcast run nightly-retrain`"


class NothingToRollBackError(InputError):
    """No champion before the present one."""

    market: str
    template = (
        "{market} has no champion before the present one to go back to; name a version with "
        "`orbcast models promote`"
    )


class UnusableVersionError(OperatorError):
    """A version whose files are not what was registered."""

    version: str
    faults: tuple[str, ...]
    template = (
        "version {version} is not usable: {faults:; }; restore its folder from a backup, or move "
        "the folder away and train again"
    )


class UnsignedChangeError(InputError):
    """An alias change without an author or without a reason."""

    alias: str
    missing: str
    template = "the change of {alias} has no {missing}; give it one with --{missing}"


class AliasChangedError(TransientError):
    """An alias that another process changed while this one was deciding."""

    alias: str
    now: str
    template = (
        "{alias} was changed to {now} by somebody else meanwhile; what was decided was decided of "
        "the one before: look at `orbcast models list` and decide again"
    )


class BackdatedChangeError(InputError):
    """An alias change dated before the latest one: it would rewrite who was champion when."""

    alias: str
    at: datetime
    latest: datetime
    template = (
        "{alias} was last changed at {latest}, after {at}; what was champion when is not "
        "rewritten: give a later time"
    )


class EditedRecipeError(InputError):
    """A recipe that was edited under its old name."""

    name: str
    now: str
    recorded: str
    template = (
        "recipe {name!r} was edited: it is {now:.12} now and {recorded:.12} on record. Evidence "
        "belongs to recipes, so an edited one is another recipe: save it under a new file name "
        "with a new `name`, and restore the old file"
    )


class DamagedEvidenceError(OperatorError):
    """Files of a study that are not what was recorded."""

    path: str
    fault: str
    template = "{path} {fault}; make the study again with `orbcast evaluate`"


class RolloutChangedError(OperatorError):
    """A rollout that another process changed while this one was deciding."""

    market: str
    template = (
        "the rollout of {market} was changed by somebody else meanwhile; look at `orbcast rollout "
        "status` and decide again"
    )
