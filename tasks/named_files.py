"""Files that a person names: markets, recipes and strategies, their own before those shipped."""

from __future__ import annotations

import re
from pathlib import Path

from ml_core.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class UnknownNameError(InputError):
    """A market or recipe for which there is no file."""

    kind: str
    name: str
    folder: str
    available: tuple[str, ...]
    template = "there is no {kind} {name!r} in {folder}; use one of these: {_choice}"

    @property
    def _choice(self) -> str:
        own = f", or write {self.name}.toml there" if _NAME.fullmatch(self.name) else ""
        return f"{', '.join(self.available) or 'none'}{own}"


def file_named(folders: tuple[Path, ...], kind: str, name: str) -> Path:
    """Return the file of that name in the first folder that has one.

    A name is a name: one with a path in it leads to no file, whatever lies there.
    """
    if _NAME.fullmatch(name):
        for folder in folders:
            if (folder / f"{name.lower()}.toml").is_file():
                return folder / f"{name.lower()}.toml"
    raise UnknownNameError(kind, name, str(folders[0]), names_in(*folders))


def names_in(*folders: Path) -> tuple[str, ...]:
    """Return the names of the files in some folders, each once, in order."""
    return tuple(sorted({path.stem for folder in folders for path in folder.glob("*.toml")}))
