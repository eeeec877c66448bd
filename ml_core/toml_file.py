"""Reading a TOML file into a model, with every fault named: field, value, remedy."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ml_core.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


class TomlFileError(InputError):
    """A file that cannot be used; one ``(key, value, remedy)`` for each fault, as text."""

    path: str
    faults: tuple[tuple[str, str, str], ...]
    kind = "file"
    template = "{kind} {path} is refused: {_lines:; }"

    @property
    def _lines(self) -> tuple[str, ...]:
        return tuple(f"{key} = {value}: {remedy}" for key, value, remedy in self.faults)


def load_model(
    path: Path, model: type[Model], error: type[TomlFileError], *, if_missing: str
) -> Model:
    """Read a file into a model.

    Parameters
    ----------
    path
        The file, TOML in UTF-8.
    model, error
        What it must be, and what to raise if it is not.
    if_missing
        What to do about a file that is not there.

    Raises
    ------
    TomlFileError
        Of the class given: the file is missing, not TOML, or a key is wrong.
    """

    def refused(remedy: str) -> TomlFileError:
        return error(str(path), (("file", str(path), remedy),))

    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise refused(f"does not exist; {if_missing}") from None
    except tomllib.TOMLDecodeError as fault:
        raise refused(f"is not TOML: {fault}") from fault
    except UnicodeDecodeError as fault:
        raise refused(f"is not UTF-8 text: {fault}") from fault
    except ValidationError as fault:
        faults = tuple(
            (
                ".".join(map(str, problem["loc"])) or "file",
                repr(problem["input"])[:80],
                problem["msg"].removeprefix("Value error, "),
            )
            for problem in fault.errors()
        )
        raise error(str(path), faults) from fault
