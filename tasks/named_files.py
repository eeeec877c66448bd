"""Files that a user names: markets, recipes, strategies; own ones before shipped ones."""

from __future__ import annotations

import re
from pathlib import Path

from ml_core.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class UnknownNameError(InputError):
    """Error for a name, such as a market's or a recipe's, without a file."""

    kind: str
    name: str
    folder: str
    available: tuple[str, ...]
    template = "there is no {kind} {name!r} in {folder}; use one of these: {_choice}"

    @property
    def _choice(self) -> str:
        own = f", or write {self.name}.toml there" if _NAME.fullmatch(self.name) else ""
        return f"{', '.join(self.available) or 'none'}{own}"


def find_file(folders: tuple[Path, ...], kind: str, name: str) -> Path:
    """Return the file with a name from the first folder that has one.

    A name that contains a path is refused, even if there is a file at that path.
    """
    if _NAME.fullmatch(name):
        for folder in folders:
            if (folder / f"{name.lower()}.toml").is_file():
                return folder / f"{name.lower()}.toml"
    raise UnknownNameError(kind, name, str(folders[0]), names_in(*folders))


def names_in(*folders: Path) -> tuple[str, ...]:
    """Return the names of the files in some folders, each once, sorted."""
    return tuple(sorted({path.stem for folder in folders for path in folder.glob("*.toml")}))
