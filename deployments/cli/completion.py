"""Completions for the Tab key: names read from folders, to avoid slow imports.

Importing the settings would take a second; this module reads the same variables itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import shellingham
import typer

from ml_core.errors import InputError

_SHIPPED = Path(__file__).resolve().parents[1]
_ALIASES = ("champion", "challenger")
_STAGES = ("off", "shadow", "advisory", "hybrid", "auto")
FLOW_NAMES = (
    "refresh-data",
    "nightly-retrain",
    "walk-forward",
    "tune",
    "shadow-predict",
    "log-outcomes",
    "watch-feed",
    "check-drift",
    "audit",
    "replay",
    "recover",
)
"""The flows that `orbcast run` can run."""

_SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


class UnknownShellError(InputError):
    """A shell without completion, or a process that no shell started."""

    shell: str
    template = "{_fault}; use --install-completion in bash, zsh or fish"

    @property
    def _fault(self) -> str:
        return f"{self.shell} is not supported" if self.shell else "no shell was found"


def require_shell() -> None:
    """Require that a shell with known completion started the process.

    Raises
    ------
    UnknownShellError
        The shell is unknown, or there is none.
    """
    try:
        shell, _ = shellingham.detect_shell()
    except shellingham.ShellDetectionFailure:
        shell = ""
    if shell not in _SHELLS:
        raise UnknownShellError(shell)


def markets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the market files, including the trader's own."""
    shipped = _names(_folder("ORBCAST_MARKETS_DIR", "markets"))
    return _starting(incomplete, shipped | _names(_home(ctx) / "markets"))


def recipes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the recipe files, including the trader's own."""
    shipped = _names(_folder("ORBCAST_RECIPES_DIR", "recipes"))
    return _starting(incomplete, shipped | _names(_home(ctx) / "recipes"))


def strategies(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the strategy files, including the trader's own."""
    shipped = _names(_folder("ORBCAST_STRATEGIES_DIR", "strategies"))
    return _starting(incomplete, shipped | _names(_home(ctx) / "strategies"))


def accounts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of the account files, including the trader's own."""
    shipped = _names(_folder("ORBCAST_ACCOUNTS_DIR", "accounts"))
    return _starting(incomplete, shipped | _names(_home(ctx) / "accounts"))


def versions(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer champion, challenger, and each version whose folder is in the home."""
    matches = [path.parent.name for path in _home(ctx).glob("models/*/*/*/metadata.json")]
    return _starting(incomplete, (*_ALIASES, *sorted(matches, reverse=True)), keep_order=True)


def stages(incomplete: str) -> list[str]:
    """Offer the stages of the rollout, lowest first."""
    return _starting(incomplete, _STAGES, keep_order=True)


def flows(incomplete: str) -> list[str]:
    """Offer the flows that can be run."""
    return _starting(incomplete, FLOW_NAMES, keep_order=True)


def _home(ctx: typer.Context) -> Path:
    named = ctx.find_root().params.get("home") or os.environ.get("ORBCAST_HOME") or "var"
    return Path(named).expanduser()


def _folder(variable: str, name: str) -> Path:
    return Path(os.environ.get(variable) or _SHIPPED / name).expanduser()


def _names(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.toml")}


def _starting(incomplete: str, names: Iterable[str], *, keep_order: bool = False) -> list[str]:
    matches = [name for name in names if name.startswith(incomplete)]
    return matches if keep_order else sorted(matches)
