"""Zips of QuantConnect LEAN's data folder: one day of minutes each, identified by their path.

LEAN writes milliseconds since midnight and, for shares, prices in ten-thousandths. The file holds
neither the day nor the kind of market; both are in the path, such as
``future/comex/minute/mgc/20240102_trade.zip``. Layout, units and zones follow LEAN's documentation
of its data format and its market-hours database.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from ml_core.bars.contract import SourceError
from ml_core.bars.sources.packed_size import refuse_size
from ml_core.bars.sources.text.layouts import LAYOUTS, LEAN, Layout
from ml_core.bars.sources.text.text_file import LONGEST_LINE, refusing_damage
from ml_core.files import sha256_of

_EXAMPLE = "equity/usa/minute/spy/20240102_trade.zip"
_NAME = re.compile(r"(?P<day>\d{8})_(?P<what>trade|quote|openinterest)\.zip")
_COARSE = re.compile(r"[a-z0-9.]+(_(trade|quote|openinterest))?\.zip")
_UNPACKED = re.compile(r"\d{8}_[a-z0-9.]+_(tick|second|minute)_(trade|quote|openinterest).*\.csv")
_MEMBER = re.compile(
    r"(?P<day>\d{8})_(?P<ticker>.+)_minute_trade"
    r"(_(?P<month>\d{4}(0[1-9]|1[0-2]))(_\d{8})?)?\.csv",
    re.ASCII,
)
_MILLISECONDS = re.compile(r"\d{1,9}", re.ASCII)
_UNITS_OF_SHARES = 10_000.0
_MONTH_CODES = "FGHJKMNQUVXZ"
_DAY_MS = 86_400_000
_CELLS = ("time", "open", "high", "low", "close", "volume")

_ZONES = {
    ("equity", "usa"): "America/New_York",
    **{("future", market): "UTC" for market in ("cme", "cbot", "nymex", "comex")},
}
"""Data zone by kind and market; any other except crypto, which is UTC, must be named."""

_KINDS = ("equity", "index", "future", "crypto", "cryptofuture", "forex", "cfd")
_DERIVED = ("option", "indexoption", "futureoption")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeanZip:
    """A zip of a day's minutes of trades.

    Attributes
    ----------
    path
        The file.
    kind, market, ticker
        The folders in its path, such as ``future``, ``comex`` and ``mgc``.
    day
        The day of its times, in its data zone.
    """

    path: Path
    kind: str
    market: str
    ticker: str
    day: np.datetime64

    @property
    def layout(self) -> Layout:
        """How its bars are read: columns, price units, and its zone if that is certain."""
        is_crypto = self.kind.startswith("crypto")
        whose = "contract" if self.kind == "future" else "symbol"
        lean = LAYOUTS[LEAN]
        return replace(
            lean,
            columns={**lean.columns, whose: whose},
            zone="UTC" if is_crypto else _ZONES.get((self.kind, self.market)),
            units=_UNITS_OF_SHARES if self.kind == "equity" else 1.0,
        )

    @property
    def content_hash(self) -> str:
        """SHA-256 of the file and its path's facts, without which the bars would be others."""
        words = f"{sha256_of(self.path)} {self.kind} {self.market} {self.ticker} {self.day}"
        return hashlib.sha256(words.encode()).hexdigest()

    def rows(self) -> pa.Table:
        """Return its rows: local times as such, prices and volume as text.

        ``line`` is the line in the row's file within the zip; ``contract`` (for a future) or
        ``symbol`` identifies it.

        Raises
        ------
        SourceError
            It is damaged, or its content does not match its name.
        """
        with refusing_damage(self.path), zipfile.ZipFile(self.path) as archive:
            refuse_size(self.path, sum(member.file_size for member in archive.infolist()))
            parts = [self._rows_of(name, archive) for name in archive.namelist()]
        if not any(len(part) for part in parts):
            raise SourceError(str(self.path), "holds no rows", "name a file with bars")
        together = pa.concat_tables(parts)
        # contracts follow one another in the zip; this is not an error in the rows' order
        return together.sort_by("time") if len(parts) > 1 else together

    def _rows_of(self, name: str, archive: zipfile.ZipFile) -> pa.Table:
        member = _MEMBER.fullmatch(Path(name).name.lower())
        is_future = self.kind == "future"
        if (
            member is None
            or member["ticker"] != self.ticker
            or _iso(member["day"]) != str(self.day)
            or (member["month"] is not None) != is_future
        ):
            fault = f"holds {name}, which is not a file of minutes of {self.ticker} on {self.day}"
            remedy = "download it again; or unpack it, and give the bars a header and whole times"
            raise SourceError(str(self.path), fault, remedy)
        if archive.getinfo(name).flag_bits & 1:
            raise SourceError(str(self.path), "is locked with a password", "unpack it first")
        lines = archive.read(name).decode("utf-8-sig").splitlines()
        cells = [line[:LONGEST_LINE].split(",") for line in lines]
        if cells and len(cells[0]) > len(_CELLS):
            fault = f"has {len(cells[0])} columns in {name}; a bar of trades has {len(_CELLS)}"
            raise SourceError(str(self.path), fault, "name a zip of trades")
        whole = [row if len(row) == len(_CELLS) else [None] * len(_CELLS) for row in cells]
        text = dict(zip(_CELLS, zip(*whole, strict=True), strict=True)) if whole else {}
        whose = _contract(self.ticker, member["month"]) if is_future else self.ticker.upper()
        return pa.table(
            {
                "time": self._times(text.pop("time", ())),
                **{key: pa.array(text.get(key, ()), pa.string()) for key in _CELLS[1:]},
                "contract" if is_future else "symbol": pa.repeat(whose, len(whole)),
                "line": np.arange(1, len(whole) + 1),
            }
        )

    def _times(self, milliseconds: tuple[str | None, ...]) -> pa.Array:
        """Return the local times of a column of milliseconds; invalid ones are missing."""
        count = np.array(
            [int(text) if text and _MILLISECONDS.fullmatch(text) else -1 for text in milliseconds],
            np.int64,
        )
        local = self.day.astype("datetime64[ms]") + count
        bad = (count < 0) | (count >= _DAY_MS)
        return pa.array(local.astype("datetime64[us]"), pa.timestamp("us"), mask=bad)


def lean_zip(path: Path, layout: str) -> LeanZip | None:
    """Return a file as a LEAN zip; None if it is not one or another layout is requested.

    Parameters
    ----------
    path
        The file; ``<kind>/<market>/minute/<ticker>/<day>_trade.zip`` is a LEAN path.
    layout
        ``auto``, ``lean``, or another layout's name.

    Raises
    ------
    SourceError
        It is LEAN's but not minutes of trades; or ``lean`` is requested and it is not LEAN's.
    """
    if layout not in {"auto", LEAN}:
        return None
    name, folders = path.name.lower(), [part.lower() for part in path.absolute().parts[-5:-1]]
    if _UNPACKED.fullmatch(name):
        fault = "is a file out of a zip of LEAN, whose times and prices only its folder explains"
        raise SourceError(str(path), fault, f"name the zip where LEAN keeps it, as in {_EXAMPLE}")
    if coarse := _coarse(name, folders):
        fault = f"holds LEAN's bars of {coarse}, not minutes"
        raise SourceError(str(path), fault, f"name zips of minutes, as in {_EXAMPLE}")
    match = _NAME.fullmatch(name)
    kind = folders[0] if len(folders) == 4 else ""  # noqa: PLR2004 - kind, market, step, ticker
    if match is None or kind not in {*_KINDS, *_DERIVED}:
        if match is not None or layout == LEAN:
            fault = (
                "does not lie in LEAN's data folder, which alone states its market and its units"
            )
            remedy = f"keep LEAN's folders, as in {_EXAMPLE}"
            if layout == "auto":
                remedy += "; or give another --layout if it is not LEAN's"
            raise SourceError(str(path), fault, remedy)
        return None
    _, market, step, ticker = folders
    _refuse_other_content(path, kind, step, match["what"])
    return LeanZip(
        path=path, kind=kind, market=market, ticker=ticker, day=_day(match["day"], path)
    )


def without_quotes(
    paths: list[str], named: list[str], tell: Callable[[str], None]
) -> Iterator[str]:
    """Yield files, but not LEAN's quotes and open interest next to trades in a named folder."""
    whole = set(named)
    trades = {Path(path).parent for path in paths if _kind_in_name(path) == "trade"}
    left_out: dict[Path, int] = {}
    for path in paths:
        folder = Path(path).parent
        if path in whole or folder not in trades or _kind_in_name(path) in {"trade", ""}:
            yield path
        else:
            left_out[folder] = left_out.get(folder, 0) + 1
    for folder, count in left_out.items():
        tell(f"{folder}: zips of quotes or open interest are left out ({count}); trades are read")


def _kind_in_name(path: str) -> str:
    match = _NAME.fullmatch(Path(path).name.lower())
    return match["what"] if match else ""


def _coarse(name: str, folders: list[str]) -> str:
    """Return the step of a zip with a whole history: LEAN keeps hours and days without tickers."""
    kind, step = folders[-3:][:1], folders[-1:]
    is_lean = kind and kind[0] in {*_KINDS, *_DERIVED} and bool(_COARSE.fullmatch(name))
    return {"hour": "an hour", "daily": "a day"}.get(step[0], "") if is_lean else ""


def _refuse_other_content(path: Path, kind: str, step: str, what: str) -> None:
    fault = ""
    remedy = f"name zips of minutes of trades, as in {_EXAMPLE}"
    if kind in _DERIVED:
        fault = "holds LEAN's options, of which Orbcast reads none"
    elif step != "minute":
        fault = f"holds LEAN's data of step {step!r}, not minutes"
    elif what == "openinterest":
        fault = "holds LEAN's open interest, not bars"
    elif what == "quote":
        fault = "holds LEAN's quotes, which are of bid and ask, with no trade and no volume"
        if kind in {"forex", "cfd"}:
            remedy = "write one price of them as CSV with a header, and give --no-volume"
    if fault:
        raise SourceError(str(path), fault, remedy)


def _contract(ticker: str, month: str) -> str:
    """Return a contract's name at its exchange.

    >>> _contract("mgc", "202402")
    'MGCG4'
    """
    return f"{ticker.upper()}{_MONTH_CODES[int(month[4:]) - 1]}{month[3]}"


def _iso(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def _day(text: str, path: Path) -> np.datetime64:
    try:
        return np.datetime64(_iso(text), "D")
    except ValueError as error:
        fault = f"is named after {text}, which is not a day"
        raise SourceError(str(path), fault, "name it as LEAN did") from error
