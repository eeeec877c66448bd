"""Errors of the registry."""

from __future__ import annotations

from datetime import datetime

from ml_core.errors import InputError, OperatorError, TransientError


class DatabaseError(OperatorError):
    """A database that cannot be used as it is."""

    def __init__(self, url: str, fault: str, remedy: str) -> None:
        super().__init__(url, fault, remedy)
        self.url, self.fault, self.remedy = url, fault, remedy

    def __str__(self) -> str:
        return f"database {self.url}: {self.fault}; {self.remedy}"


class BusyDatabaseError(TransientError):
    """A database that is there, and could not be had in time."""

    def __init__(self, url: str, fault: str) -> None:
        super().__init__(url, fault)
        self.url, self.fault = url, fault

    def __str__(self) -> str:
        return f"database {self.url} is busy or went away ({self.fault}); try again"


class PrematureAnswerError(OperatorError):
    """A live answer dated before the moment it is for: the clock is wrong."""

    def __init__(self, slot: str, made_at: datetime, decision_time: datetime) -> None:
        super().__init__(slot, made_at, decision_time)
        self.slot, self.made_at, self.decision_time = slot, made_at, decision_time

    def __str__(self) -> str:
        return (
            f"the live answer for {self.slot} says it was made at {self.made_at.isoformat()}, "
            f"before the slot's window closed at {self.decision_time.isoformat()}; set this "
            "machine's clock right (NTP) and run it again"
        )


class NothingMissingError(InputError):
    """A gap to be accepted that is not there."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"the database has every row that {self.path} notes: there is nothing to accept"


class UnknownVersionError(InputError):
    """A version or alias that is not there, or a prefix of several."""

    def __init__(self, market: str, ref: str, candidates: tuple[str, ...]) -> None:
        super().__init__(market, ref, candidates)
        self.market, self.ref, self.candidates = market, ref, candidates

    def __str__(self) -> str:
        known = ", ".join(self.candidates[:6]) or "none yet: run `orbcast run nightly-retrain`"
        return f"{self.market} has no one model version {self.ref!r}; there are: {known}"


class NothingToRollBackError(InputError):
    """No champion before the present one."""

    def __init__(self, market: str) -> None:
        super().__init__(market)
        self.market = market

    def __str__(self) -> str:
        return (
            f"{self.market} has no champion before the present one to go back to; name a version "
            "with `orbcast models promote`"
        )


class UnusableVersionError(OperatorError):
    """A version whose files are not what was registered."""

    def __init__(self, version: str, faults: tuple[str, ...]) -> None:
        super().__init__(version, faults)
        self.version, self.faults = version, faults

    def __str__(self) -> str:
        return (
            f"version {self.version} is not usable: {'; '.join(self.faults)}; restore its folder "
            "from a backup, or move the folder away and train again"
        )


class UnsignedChangeError(InputError):
    """An alias change that nobody stands for, or without a reason."""

    def __init__(self, alias: str, missing: str) -> None:
        super().__init__(alias, missing)
        self.alias, self.missing = alias, missing

    def __str__(self) -> str:
        return (
            f"the change of {self.alias} has no {self.missing}; give it one with --{self.missing}"
        )


class BackdatedChangeError(InputError):
    """An alias change dated before the latest one: it would rewrite who was champion when."""

    def __init__(self, alias: str, at: datetime, latest: datetime) -> None:
        super().__init__(alias, at, latest)
        self.alias, self.at, self.latest = alias, at, latest

    def __str__(self) -> str:
        return (
            f"{self.alias} was last changed at {self.latest.isoformat()}, after "
            f"{self.at.isoformat()}; what was champion when is not rewritten: give a later time"
        )


class EditedRecipeError(InputError):
    """A recipe that was edited under its old name."""

    def __init__(self, name: str, now: str, known: str) -> None:
        super().__init__(name, now, known)
        self.name, self.now, self.known = name, now, known

    def __str__(self) -> str:
        return (
            f"recipe {self.name!r} was edited: it is {self.now[:12]} now and {self.known[:12]} on "
            "record. Evidence belongs to recipes, so an edited one is another recipe: save it "
            "under a new file name with a new `name`, and restore the old file"
        )


class DamagedEvidenceError(OperatorError):
    """Files of a study that are not what was recorded."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(path, fault)
        self.path, self.fault = path, fault

    def __str__(self) -> str:
        return f"{self.path} {self.fault}; make the study again with `orbcast evaluate`"


class RolloutChangedError(OperatorError):
    """A rollout that another process changed while this one was deciding."""

    def __init__(self, market: str) -> None:
        super().__init__(market)
        self.market = market

    def __str__(self) -> str:
        return (
            f"the rollout of {self.market} was changed by somebody else meanwhile; look at "
            "`orbcast rollout status` and decide again"
        )
