"""Errors of the registry."""

from __future__ import annotations

from datetime import datetime

from ml_core.errors import InputError, OperatorError, TransientError


class DatabaseError(OperatorError):
    """Error for a database that cannot be used as it is."""

    url: str
    fault: str
    remedy: str
    template = "database {url}: {fault}; {remedy}"


class BusyDatabaseError(TransientError):
    """Error for a database that stayed locked for too long."""

    url: str
    fault: str
    template = "database {url} is busy or unavailable ({fault}); try again"


class ChangedRecordError(OperatorError):
    """Error for a source or a copy whose record was changed after it was written."""

    url: str
    faults: tuple[str, ...]
    template = (
        "database {url} is not as it was written, and nothing was copied: {faults:; }. See "
        "`orbcast verify`, and docs/backup.md for what to restore"
    )


class NotEmptyError(OperatorError):
    """Error for a target that has other rows."""

    url: str
    tables: tuple[str, ...]
    template = (
        "database {url} is not empty: it has rows of its own in {tables:, }, and nothing was "
        "copied; name an empty database (a new file, or one from CREATE DATABASE)"
    )


class SourceWrittenError(TransientError):
    """Error for a source that was written to during the copy, which would lack its last rows."""

    url: str
    tables: tuple[str, ...]
    template = (
        "{url} was written to while it was copied ({tables:, }), and the target was left empty; "
        "stop what runs (`orbcast down`) and copy again"
    )


class PrematurePredictionError(OperatorError):
    """Error for a live entry dated before its slot's window closed: the clock is wrong."""

    slot: str
    made_at: datetime
    decision_time: datetime
    template = (
        "the live prediction for {slot} is dated {made_at}, before the slot's window "
        "closed at {decision_time}; set this machine's clock right (NTP) and run it again"
    )


class NothingMissingError(InputError):
    """Error when there is no gap to accept."""

    path: str
    template = "the database has every row that {path} notes: nothing needs to be accepted"


class UnknownVersionError(InputError):
    """Error for an unknown version or alias, or a prefix of several versions."""

    market: str
    ref: str
    candidates: tuple[str, ...]
    template = "{market} has no single model version {ref!r}; versions: {_versions}"

    @property
    def _versions(self) -> str:
        return ", ".join(self.candidates[:6]) or "none yet: run `orbcast run nightly-retrain`"


class NothingToRollBackError(InputError):
    """Error when there is no champion before the current one."""

    market: str
    template = (
        "{market} has no champion before the present one to go back to; name a version with "
        "`orbcast models promote`"
    )


class UnusableVersionError(OperatorError):
    """Error for a version whose files are not those that were registered."""

    version: str
    faults: tuple[str, ...]
    template = (
        "version {version} is not usable: {faults:; }; restore its folder from a backup, or move "
        "the folder away and train again"
    )


class UnsignedChangeError(InputError):
    """Error for a change without an author or without a reason."""

    alias: str
    missing: str
    template = "the change of {alias} has no {missing}; give it one with --{missing}"


class AliasChangedError(TransientError):
    """Error for an alias that another process changed during this process's decision."""

    alias: str
    now: str
    template = (
        "{alias} was changed to {now} by somebody else meanwhile; the decision was made for "
        "the one before: see `orbcast models list` and decide again"
    )


class BackdatedChangeError(InputError):
    """Error for an alias change dated before the latest one: it would rewrite history."""

    alias: str
    at: datetime
    latest: datetime
    template = (
        "{alias} was last changed at {latest}, after {at}; the history of champions is not "
        "rewritten: give a later time"
    )


class EditedRecipeError(InputError):
    """Error for a recipe that was changed without a new name."""

    name: str
    now: str
    recorded: str
    template = (
        "recipe {name!r} was edited: it is {now:.12} now and {recorded:.12} on record. Evidence "
        "belongs to recipes, so an edited one is another recipe: save it under a new file name "
        "with a new `name`, and restore the old file"
    )


class DamagedEvidenceError(OperatorError):
    """Error for files of a study that are not those that were recorded."""

    path: str
    fault: str
    template = "{path} {fault}; make the study again with `orbcast evaluate`"


class RolloutChangedError(OperatorError):
    """Error for a rollout that another process changed during this process's decision."""

    market: str
    template = (
        "the rollout of {market} was changed by somebody else meanwhile; see `orbcast rollout "
        "status` and decide again"
    )
