"""Each market's standing source, kept in a file between runs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ml_core.bars.contract import DEFAULT_TABLE
from ml_core.bars.sources.built_in import BUILT_IN
from ml_core.errors import InputError
from ml_core.toml_file import open_toml, parse_toml, save_toml, set_values, table_to_change
from tasks.data.sources import SourceSpec

_FORMER_DEFAULTS: dict[str, Any] = {"table": DEFAULT_TABLE, "layout": "auto", "columns": {}}
"""Default options that earlier releases wrote although nobody had set them."""


class NoSourceError(InputError):
    """Error for a market without a standing source."""

    market: str
    template = (
        "{market} has no standing source; name one with `orbcast ingest --market {market} "
        "--source duckdb PATH --remember` (`orbcast bars sources` lists the others)"
    )


class SourcesFileError(InputError):
    """Error when the file of standing sources cannot be used."""

    path: str
    market: str
    fault: str
    template = (
        "{path}, [{market}]: {fault}; mend it, or delete it and run `orbcast ingest ... "
        "--remember` again"
    )


def remember_source(path: Path, market: str, spec: SourceSpec) -> None:
    """Make ``spec`` the standing source of a market, in the file at ``path``."""
    _read(path)  # refuses an unreadable file, which is left as it is
    document = open_toml(
        path, "Standing sources, one table a market; ingest --remember writes it."
    )
    name, values = market.lower(), spec.with_absolute_paths().to_json()
    table = table_to_change(document, name)
    set_values(table, {key: value for key, value in values.items() if value})
    save_toml(path, document)


def standing_source(path: Path, market: str) -> SourceSpec | None:
    """Return the standing source of a market; None if there is none.

    Raises
    ------
    SourcesFileError
        The file is not TOML, or the market's table does not describe a source.
    PluginError
        The kind belongs to another package, which cannot be imported.
    """
    values = _read(path).get(market.lower())
    if values is None:
        return None
    if not isinstance(values, dict):
        fault = f"is no table: write [{market.lower()}] above its values, once, in single brackets"
        raise SourcesFileError(str(path), market, fault)
    own = BUILT_IN.get(str(values.get("kind")))
    usable = {option.name for option in own.options} if own else set(values)
    used = {
        key: value
        for key, value in values.items()
        if key in usable or key not in _FORMER_DEFAULTS or value != _FORMER_DEFAULTS[key]
    }
    try:
        return SourceSpec.model_validate(used)
    except ValidationError as error:
        first = error.errors()[0]
        fault = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise SourcesFileError(str(path), market, fault) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return parse_toml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourcesFileError(str(path), "*", f"is not TOML ({error})") from error
