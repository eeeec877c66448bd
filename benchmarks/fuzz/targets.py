"""Everything that reads outside bytes, each as a function of a file's content and its folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.fuzz import seeds
from deployments.cli.errors import error_line, exit_status
from ml_core.bars.lake.lake import Lake
from ml_core.fills.fill import FillsFile
from ml_core.fills.read import read_fills
from ml_core.learning.recipe import load_recipe
from ml_core.market.definition import MarketDefinition
from ml_core.market.market import Market, load_market
from ml_core.market.news import NewsEvent
from ml_core.market.news_files import read_news
from ml_core.market.schedule import build_schedule
from ml_core.strategy.account.limits import load_account
from ml_core.strategy.rules import load_rules
from tasks.data.pushed_bars import PushedBars
from tasks.data.sources import SourceSpec, open_source
from tasks.data.standing_sources import remember_source, standing_source
from tasks.notices.channels import channels
from tasks.settings import Settings, current_settings

NOW = datetime(2024, 6, 1, tzinfo=UTC)
AFTER_FILLS = datetime(2025, 7, 1, tzinfo=UTC)
"""The time at which files of executions and news are read: after all their events."""

LONGEST_LINE = 4_000
"""Longest acceptable message, in characters."""

_DEFECT = 4


class NoGoodEndError(Exception):
    """An error whose message is not one line that a user can act on."""


@dataclass(frozen=True, slots=True)
class Target:
    """A reader of bytes.

    Attributes
    ----------
    seeds
        Returns valid inputs.
    read
        Called with an input and an empty folder; raises ``NoGoodEndError`` after a bad end.
    """

    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes, Path], None]


@contextmanager
def ending_well(name: str = "") -> Iterator[None]:
    """Allow only a one-line error that names the file and is not a defect."""
    try:
        yield
    except Exception as error:
        line = error_line(error)
        if exit_status(error) == _DEFECT:
            raise NoGoodEndError(line[:LONGEST_LINE]) from error
        if name not in line or "\n" in line or len(line) > LONGEST_LINE:
            message = f"does not name {name} in a short line: {line[:LONGEST_LINE]}"
            raise NoGoodEndError(message) from error


@cache
def _mgc() -> Market:
    return load_market(seeds.PROJECT / "deployments" / "markets" / "mgc.toml")


def _ingest(
    name: str, content: bytes, folder: Path, kind: str, place: str = "", **options: str
) -> None:
    """Ingest a file with this content, like `orbcast ingest`."""
    path = folder / place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with ending_well(name):
        spec = SourceSpec(kind=kind, paths=(str(path),), options=options)
        batches = open_source(spec, _mgc(), NOW, folder / "feeds")
        Lake(folder / "lake").ingest(batches, _mgc(), NOW)


_LAYOUTS = ("auto", *seeds.LINES)
_WAYS: tuple[dict[str, str], ...] = (
    {},
    {"zone": "UTC"},
    {"zone": "America/New_York", "stamp": "close"},
    {"time_format": "%d.%m.%Y %H:%M"},
    {"decimal": ","},
    {"delimiter": ";"},
)


def _text_seeds() -> list[bytes]:
    return [
        bytes([number, way]) + seeds.text_of(layout)
        for number, layout in enumerate(seeds.LINES, 1)
        for way in (0, 1)
    ]


def _text(content: bytes, folder: Path) -> None:
    """Read text with the layout and options that the first two bytes choose."""
    if len(content) > 2:
        layout = _LAYOUTS[content[0] % len(_LAYOUTS)]
        options = _WAYS[content[1] % len(_WAYS)]
        _ingest("a.csv", content[2:], folder, "csv", layout=layout, **options)


def _file(name: str, kind: str, place: str = "") -> Callable[[bytes, Path], None]:
    return lambda content, folder: _ingest(name, content, folder, kind, place)


def _market(content: bytes, folder: Path) -> None:
    path = folder / "a.toml"
    path.write_bytes(content)
    market = None
    with ending_well("a.toml"):
        market = load_market(path)
    if market is None:
        return
    with ending_well():
        MarketDefinition.of(market)
        build_schedule(market, date(2024, 3, 4), date(2024, 3, 18))


def _toml(load: Callable[[Path], object]) -> Callable[[bytes, Path], None]:
    def read(content: bytes, folder: Path) -> None:
        path = folder / "a.toml"
        path.write_bytes(content)
        with ending_well("a.toml"):
            load(path)

    return read


def _sources(path: Path) -> None:
    standing_source(path, "mgc")
    remember_source(path, "mgc", SourceSpec(kind="csv", paths=("b.csv",)))
    standing_source(path, "mgc")


def _pushed(content: bytes, folder: Path) -> None:
    settings = Settings(home=folder)
    spec = SourceSpec(kind="http", options={"stamp": "open", "zone": "UTC"})
    remember_source(settings.sources_file, "mgc", spec)
    with ending_well():
        PushedBars(settings).take("mgc", content, NOW)


def _spool(content: bytes, folder: Path) -> None:
    place = folder / "feeds" / "MGC" / "http"
    place.mkdir(parents=True)
    (place / "2024-01-16.jsonl").write_bytes(content)
    with ending_well():
        spec = SourceSpec(kind="http", options={"stamp": "open", "zone": "UTC"})
        batches = open_source(spec, _mgc(), NOW, folder / "feeds")
        Lake(folder / "lake").ingest(batches, _mgc(), NOW)


def _settings(content: bytes, folder: Path) -> None:
    """Read lines of NAME=VALUE as the environment."""
    before = dict(os.environ)
    try:
        for line in content.decode("utf-8", "replace").replace("\0", "").splitlines()[:20]:
            name, sign, value = line.partition("=")
            if sign and name.isidentifier():
                os.environ[f"ORBCAST_{name.upper()}"] = value
        os.environ["ORBCAST_HOME"] = str(folder)
        with ending_well():
            settings = current_settings()
            settings.market_names()
            [settings.market(name) for name in settings.markets]
            [settings.rules(settings.market(name).symbol) for name in settings.markets]
    finally:
        os.environ.clear()
        os.environ.update(before)


def fills_of(content: bytes, path: Path) -> FillsFile:
    """Read executions from a file with this content, in the way that its first byte chooses."""
    path.write_bytes(content[1:])
    reading = seeds.FILL_READINGS[content[0] % len(seeds.FILL_READINGS)]
    return read_fills(path, _mgc(), reading, at=AFTER_FILLS)


def _fills(content: bytes, folder: Path) -> None:
    if content:
        with ending_well("a.csv"):
            fills_of(content, folder / "a.csv")


def news_of(content: bytes, folder: Path) -> tuple[NewsEvent, ...]:
    """Read news in the form that the first byte chooses."""
    endings = tuple(seeds.news())
    path = folder / f"a.{endings[content[0] % len(endings)]}"
    path.write_bytes(content[1:])
    return read_news(path, market="MGC", zone="UTC", at=AFTER_FILLS)


def _news(content: bytes, folder: Path) -> None:
    if content:
        with ending_well("a."):
            news_of(content, folder)


_FLOWS = ("nightly_retrain", "shadow_predict", "check_drift", "log_outcomes", "replay", "promote")


def _parameters(content: bytes, folder: Path) -> None:
    """Read JSON as a flow's parameters, like `orbcast run --param` and the server."""
    del folder
    name = _FLOWS[content[0] % len(_FLOWS)] if content else _FLOWS[0]
    flow: Any = getattr(import_module(f"flows.{name}"), name)
    pair = import_module("deployments.cli.operation.run")._pair  # noqa: SLF001 - what the command reads
    text = content[1:].decode("utf-8", "replace")
    with ending_well():
        given = dict(pair(line, flow.parameters.properties) for line in text.splitlines()[:8])
        flow.validate_parameters({"market": "mgc", **given})


def _parameter_seeds() -> list[bytes]:
    lines = (
        "from_day=2024-01-02\nto_day=2024-02-01\nas_of=2024-02-02T09:05",
        'recipe="baseline"\nrefresh=false',
        "mode=replay\nfull=true\nas_of=2024-02-02T09:05:00Z",
        "opening_range=0900\nversion=challenger",
    )
    return [bytes([number]) + line.encode() for number in range(6) for line in lines]


TARGETS: dict[str, Target] = {
    "csv": Target(_text_seeds, _text),
    "gz": Target(lambda: [seeds.gz()], _file("a.csv.gz", "csv")),
    "zip": Target(lambda: [seeds.zipped()], _file("a.zip", "csv")),
    "lean": Target(
        lambda: [seeds.lean()],
        _file("20240116_trade.zip", "csv", "future/comex/minute/mgc"),
    ),
    "dbn": Target(lambda: [seeds.dbn(packed=False)], _file("a.dbn", "dbn")),
    "zst": Target(lambda: [seeds.dbn(packed=True)], _file("a.dbn.zst", "dbn")),
    "parquet": Target(
        lambda: [seeds.parquet(), seeds.parquet(compression="none", use_dictionary=False)],
        _file("a.parquet", "parquet"),
    ),
    "duckdb": Target(lambda: [seeds.database()], _file("a.duckdb", "duckdb")),
    "market": Target(lambda: seeds.toml_files("markets"), _market),
    "recipe": Target(lambda: seeds.toml_files("recipes"), _toml(load_recipe)),
    "strategy": Target(lambda: seeds.toml_files("strategies"), _toml(load_rules)),
    "account": Target(lambda: seeds.toml_files("accounts"), _toml(load_account)),
    "fills": Target(seeds.executions, _fills),
    "news": Target(
        lambda: [bytes([n]) + text for n, text in enumerate(seeds.news().values())], _news
    ),
    "sources": Target(
        lambda: [
            b'[mgc]\nkind = "csv"\npaths = ["a.csv"]\nzone = "UTC"\ncolumns = { ts = "t" }\n',
            b'[mgc]\nkind = "duckdb"\npaths = ["a.duckdb"]\n[mgc.options]\ntable = "bars"\n',
        ],
        _toml(_sources),
    ),
    "channels": Target(
        lambda: [
            b'[[channels]]\nname = "a"\nkind = "slack"\nsince = 2024-01-01T00:00:00Z\n',
        ],
        _toml(channels),
    ),
    "settings": Target(
        lambda: [
            b"markets=mgc,nq\nworkers=2\nauth=a:b\nallowed_hosts=a.example\nstrategy=orb-default",
            b"database_url=sqlite:///a.sqlite\ntask_runner=threads\napproval_hours=24\nread_only=1",
        ],
        _settings,
    ),
    "parameters": Target(_parameter_seeds, _parameters),
    "pushed": Target(seeds.pushed, _pushed),
    "spool": Target(lambda: [seeds.spooled()], _spool),
}


def try_one(name: str, content: bytes, folder: Path) -> None:
    """Read an input in an empty folder.

    Raises
    ------
    NoGoodEndError
        It ended in a way that is not allowed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    TARGETS[name].read(content, folder)
