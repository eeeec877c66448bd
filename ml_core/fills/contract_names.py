"""Maps the various contract names of platforms to one name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ml_core.market.market import Market

_CODES = "FGHJKMNQUVXZ"
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NUMBERED = re.compile(r"(?P<root>[A-Z0-9]+) (?P<month>\d{2})-(?P<year>\d{2})")
_NAMED = re.compile(r"(?P<root>[A-Z0-9]+) (?P<month>[A-Z]{3})[ '-]?(?P<year>\d{2})")
_CODED = re.compile(r"(?P<root>[A-Z0-9]+?)(?P<month>[FGHJKMNQUVXZ])(?P<year>\d{1,2})")


def contract_of(written: str, market: Market, instrument: str | None = None) -> str | None:
    r"""Return the contract that a platform names, in the form of the market's bars.

    Parameters
    ----------
    written
        The platform's name, such as ``MGCQ5``, ``MGC 08-25``, ``MGC AUG25``, ``/MGCQ25:XCEC``.
    market
        The market of the contracts; its pattern decides whether a year has one digit or two.
    instrument
        Another name for the market, such as ``XAUUSD``; its rows, like those of the market's
        symbol, belong to the symbol.

    Returns
    -------
    str or None
        None if it is another instrument.
    """
    name = written.strip().upper().lstrip("/@").partition(":")[0].partition(".")[0]
    if instrument is not None and written.strip().upper() == instrument.strip().upper():
        return market.symbol
    if name == market.symbol.upper():
        return market.symbol
    return next(
        (form for form in _forms(name) if re.fullmatch(market.contract_pattern, form)), None
    )


def _forms(name: str) -> Iterator[str]:
    """Yield the possible names of a contract in the market's bars, the usual one first."""
    for pattern in (_NUMBERED, _NAMED, _CODED):
        match = pattern.fullmatch(name)
        if match is None or (code := _code(match["month"])) is None:
            continue
        yield f"{match['root']}{code}{match['year'][-1]}"
        yield f"{match['root']}{code}{match['year']}"
    yield name


def _code(month: str) -> str | None:
    if month in _MONTHS:
        return _CODES[_MONTHS.index(month)]
    if month.isdigit():
        return _CODES[int(month) - 1] if 1 <= int(month) <= len(_CODES) else None
    return month if month in _CODES else None
