"""Bars fetched from Databento's archive, each range once, because every fetch is paid for.

Fetched data is stored unchanged, in files named by the span they cover. Only spans without a file
are requested. A file gets its name when it is complete, so a fetch that was killed resumes there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ml_core.bars.contract import RawBatch, SourceError
from ml_core.bars.sources.dbn import read_dbn
from ml_core.bars.sources.kind import Request
from ml_core.errors import OperatorError, TransientError
from ml_core.files import written_atomically
from ml_core.on_demand import library

databento = library("databento")

SCHEMA = "ohlcv-1m"
KEY = "DATABENTO_API_KEY"

_MOMENT = "%Y%m%dT%H%M"
_ENDING = ".dbn.zst"
_RATE_LIMITED = 429


class NoClientError(OperatorError):
    """Databento's client is not installed."""

    template = "source databento needs Databento's client: pip install 'orbcast[databento]'"


class FetchFailedError(TransientError):
    """Databento did not respond, or the transfer broke off."""

    fault: str
    template = "Databento: {fault}; complete parts are stored, and the rest is requested again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """The data requested from Databento.

    Attributes
    ----------
    dataset, symbols, stype
        In Databento's terms.
    start
        Aware UTC, inclusive.
    end
        Aware UTC, exclusive; None for everything available.
    gateway
        Address of a server other than Databento's own.
    """

    dataset: str
    symbols: tuple[str, ...]
    stype: str
    start: datetime
    end: datetime | None = None
    gateway: str | None = None


def fetch(archive: Archive, request: Request) -> Iterator[RawBatch]:
    """Fetch what is missing up to the last complete minute; return the bars of each file.

    The request and its cost are shown first; a dry run fetches nothing.

    Raises
    ------
    SourceError
        There is no key, or Databento refuses the key or the query.
    NoClientError
        The client is not installed.
    FetchFailedError
        The fetch failed, but may succeed later.
    """
    folder = request.folder / "-".join((archive.dataset, *archive.symbols))
    client = None
    for start, end in _spans(archive, _covered_to(archive, folder), request.at):
        if client is None:
            client = _client(archive)
            last = min(end_of_all(archive, request.at), _available(client, archive))
            _report_request(client, archive, request, start, last)
        stop = min(end, last)
        if request.dry_run or stop <= start:
            break
        _fetch_one(client, archive, start, stop, folder / _name(start, stop))
    for path in _files(folder):
        if request.since is None or _span(path)[1] > request.since:
            yield from (
                batch
                for batch in read_dbn([str(path)], request.market.contract_pattern)
                if batch.table.num_rows or batch.dropped
            )


def end_of_all(archive: Archive, at: datetime) -> datetime:
    """Return the end (exclusive) of what can be requested: the minute running at ``at``."""
    minute = at.astimezone(UTC).replace(second=0, microsecond=0)
    return min(minute, archive.end) if archive.end else minute


def _spans(archive: Archive, start: datetime, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the missing spans, split by months: a killed fetch loses one at most."""
    end = end_of_all(archive, at)
    while start < end:
        month = (start.replace(day=1, hour=0, minute=0) + timedelta(days=32)).replace(day=1)
        yield start, min(month, end)
        start = min(month, end)


def _covered_to(archive: Archive, folder: Path) -> datetime:
    """Return the end of the stored data: files follow each other without gaps."""
    covered = archive.start
    for path in _files(folder):
        start, end = _span(path)
        if start > covered:
            break
        covered = max(covered, end)
    return covered


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"[0-9]*{_ENDING}"))


def _name(start: datetime, end: datetime) -> str:
    return f"{start:{_MOMENT}}-{end:{_MOMENT}}{_ENDING}"


def _span(path: Path) -> tuple[datetime, datetime]:
    start, end = path.name.removesuffix(_ENDING).split("-")
    return _moment(start), _moment(end)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)


def _client(archive: Archive) -> Any:
    try:
        historical = databento.Historical
    except ImportError as error:
        raise NoClientError from error
    if not os.environ.get(KEY, "").strip():
        fault = f"{KEY} is not set"
        raise SourceError("databento", fault, "set it to your key, from databento.com/portal/keys")
    return historical(**({"gateway": archive.gateway} if archive.gateway else {}))


def _available(client: Any, archive: Archive) -> datetime:
    """Return the end (exclusive) of the archive for these bars, on a whole minute."""
    dataset_range = _query(client.metadata.get_dataset_range, dataset=archive.dataset)
    end = dataset_range.get("schema", {}).get(SCHEMA, {}).get("end") or dataset_range["end"]
    # Databento writes nanoseconds, which Python cannot parse
    return datetime.fromisoformat(end[:16]).replace(tzinfo=UTC)


def _report_request(
    client: Any, archive: Archive, request: Request, start: datetime, end: datetime
) -> None:
    if end <= start:
        request.tell(f"Databento has nothing yet after {start:%Y-%m-%d %H:%M} UTC")
        return
    cost = _query_archive(archive, client.metadata.get_cost, start=start, end=end)
    request.tell(
        f"{'would ask' if request.dry_run else 'asks'} Databento for {SCHEMA} of "
        f"{', '.join(archive.symbols)} ({archive.dataset}), {start:%Y-%m-%d %H:%M} to "
        f"{end:%Y-%m-%d %H:%M} UTC, at {cost:.2f} USD"
    )


def _fetch_one(client: Any, archive: Archive, start: datetime, end: datetime, path: Path) -> None:
    with written_atomically(path) as temporary:
        # the ending tells the reader the compression
        part = temporary.with_name(temporary.name + _ENDING)
        try:
            _query_archive(archive, client.timeseries.get_range, start=start, end=end, path=part)
            list(read_dbn([str(part)], ".*"))  # complete, or it gets no name
            part.replace(temporary)
        except SourceError as error:
            if error.source == str(part):
                raise FetchFailedError(error.fault) from error
            raise
        finally:
            part.unlink(missing_ok=True)


def _query_archive(archive: Archive, call: Any, **query: Any) -> Any:
    """Request an archive's bars from Databento."""
    symbols = list(archive.symbols)
    query |= {"dataset": archive.dataset, "symbols": symbols, "stype_in": archive.stype}
    return _query(call, schema=SCHEMA, **query)


def _query(call: Any, **query: Any) -> Any:
    """Call Databento's client; turn its exceptions into errors that name who must act."""
    try:
        return call(**query)
    except databento.BentoClientError as error:
        if error.http_status == _RATE_LIMITED:
            raise FetchFailedError("too many requests") from error
        remedy = f"check {KEY}, --option dataset=..., symbols=... and start=..."
        fault = f"refused the request ({' '.join(str(error).split())[:300]})"
        raise SourceError("databento", fault, remedy) from error
    except (databento.BentoError, OSError) as error:
        fault = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise FetchFailedError(fault) from error
