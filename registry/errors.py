"""Errors of the registry."""

from __future__ import annotations

from ml_core.errors import InputError, OperatorError


class DatabaseError(OperatorError):
    """A database that cannot be used as it is."""

    def __init__(self, url: str, fault: str, remedy: str) -> None:
        super().__init__(url, fault, remedy)
        self.url, self.fault, self.remedy = url, fault, remedy

    def __str__(self) -> str:
        return f"database {self.url}: {self.fault}; {self.remedy}"


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
        return f"version {self.version} is not usable: {'; '.join(self.faults)}"
