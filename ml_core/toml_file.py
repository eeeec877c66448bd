"""TOML files: reads them into a model, naming every fault; changes them, keeping comments."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from ml_core.errors import InputError
from ml_core.files import written_atomically
from ml_core.on_demand import library

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
    from tomlkit import TOMLDocument
    from tomlkit.items import AoT, InlineTable, Item

tomlkit = library("tomlkit")

Model = TypeVar("Model", bound=BaseModel)

_TYPE = re.compile(r"str|int|float|bool|none|.*[\[(].*")
"""A type's name within the place of a fault."""

_SHOULD = "Input should be "

_DEEPEST = 20
"""Levels of tables and arrays: Orbcast's own files have at most five."""
_TOO_DEEP = "it nests too deeply"


class TomlFileError(InputError):
    """The file cannot be used; has one ``(key, value, remedy)`` for each fault, as text."""

    path: str
    faults: tuple[tuple[str, str, str], ...]
    kind = "file"
    template = "{kind} {path} is refused: {_lines:; }"

    @property
    def _lines(self) -> tuple[str, ...]:
        return tuple(f"{key} = {value}: {remedy}" for key, value, remedy in self.faults)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the values of a TOML text.

    Raises
    ------
    tomllib.TOMLDecodeError
        It is not TOML, is nested too deeply, or has a number with too many digits for Python.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError as error:
        raise tomllib.TOMLDecodeError(_TOO_DEEP) from error
    except (ValueError, OverflowError) as error:
        raise tomllib.TOMLDecodeError(str(error)) from error
    if _nests_too_deeply(values):  # a key such as a.a.a.a has no limit in Python's parser
        raise tomllib.TOMLDecodeError(_TOO_DEEP)
    return values


def _nests_too_deeply(values: dict[str, Any]) -> bool:
    level: list[Any] = [values]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def load_model(
    path: Path, model: type[Model], error: type[TomlFileError], *, if_missing: str
) -> Model:
    """Read a file into a model.

    Parameters
    ----------
    path
        The file, TOML in UTF-8.
    model, error
        The model, and the error to raise if the file does not fit.
    if_missing
        The remedy if the file is missing.

    Raises
    ------
    TomlFileError
        Of the given class: the file is missing or not TOML, or a key is wrong.
    """

    def refused(remedy: str) -> TomlFileError:
        return error(str(path), (("file", str(path), remedy),))

    if path.exists() and not path.is_file():
        raise refused("is a folder, pipe or device; name a file, or put one there")
    try:
        return model.model_validate(parse_toml(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise refused(f"does not exist; {if_missing}") from None
    except tomllib.TOMLDecodeError as fault:
        raise refused(f"is not TOML: {fault}") from fault
    except UnicodeDecodeError as fault:
        raise refused(f"is not UTF-8 text: {fault}") from fault
    except (
        OverflowError,
        RecursionError,
    ) as fault:  # which pydantic does not report as a wrong value
        raise refused(f"cannot be used: {fault}") from fault
    except ValidationError as fault:
        raise error(str(path), _faults(fault, model)) from fault


def _faults(fault: ValidationError, model: type[BaseModel]) -> tuple[tuple[str, str, str], ...]:
    """Return each wrong value once, as place, value and remedy.

    Of a field with several types pydantic reports each that does not fit, with its name as part of
    the place.
    """
    remedies: dict[tuple[str, str], list[str]] = {}
    for problem in fault.errors():
        place = ".".join(str(part) for part in problem["loc"] if not _TYPE.fullmatch(str(part)))
        wrong = (place or "file", repr(problem["input"])[:80])
        remedies.setdefault(wrong, []).append(remedy_of(problem, model))
    return tuple(
        (*wrong, " or ".join([first, *(other.removeprefix(_SHOULD) for other in others)]))
        for wrong, (first, *others) in remedies.items()
    )


def remedy_of(problem: ErrorDetails, model: type[BaseModel]) -> str:
    """Return what to do about one fault that a model found in its values."""
    if problem["type"] == "extra_forbidden":
        return _unknown_key(model, problem["loc"])
    return problem["msg"].removeprefix("Value error, ")


def _unknown_key(model: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """Return the remedy for a key that a model does not have, with the nearest it has."""
    *outer, key = place
    at: type[BaseModel] | None = model
    for part in outer:
        if isinstance(part, str) and at is not None:
            field = at.model_fields.get(part)
            at = None if field is None else _model_in(field.annotation)
    names = [] if at is None else list(at.model_fields)
    near = difflib.get_close_matches(str(key), names, n=1)
    return f"is no field here; did you mean {near[0]}?" if near else "is no field here; remove it"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the first model in a type such as ``tuple[Model, ...]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(part) for part in get_args(annotation))
    return next((model for model in inner if model is not None), None)


def open_toml(path: Path, remark: str = "") -> TOMLDocument:
    """Return a file for changes, with comments; a missing one contains only ``remark``.

    Raises
    ------
    TomlFileError
        It is not TOML, or not UTF-8.
    """
    if path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
            parse_toml(text)
            document: TOMLDocument = tomlkit.parse(text)
        except (ValueError, RecursionError, tomlkit.exceptions.TOMLKitError) as error:
            fault = (("file", str(path), f"is not TOML: {error}; correct it"),)
            raise TomlFileError(str(path), fault) from error
        return document
    document = tomlkit.document()
    if remark:
        document.add(tomlkit.comment(remark))
        document.add(tomlkit.nl())
    return document


def save_toml(path: Path, document: TOMLDocument) -> None:
    """Write a file atomically; leave it alone if nothing changes."""
    text = document.as_string()
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        with written_atomically(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def table_to_change(document: TOMLDocument, name: str) -> MutableMapping[str, Any]:
    """Return a table of a file for :func:`set_values`.

    A missing table is created, empty. So is a table whose parts are separated by other tables: its
    parts are joined by the values set, and their comments are lost.
    """
    table = document.get(name)
    if not isinstance(table, MutableMapping) or isinstance(
        table, tomlkit.container.OutOfOrderTableProxy
    ):
        document.pop(name, None)
        document[name] = {}
    made: MutableMapping[str, Any] = document[name]
    return made


def set_values(table: MutableMapping[str, Any], values: Mapping[str, Any]) -> None:
    """Set a table's values to exactly these; comments and equal values stay.

    A mapping in it is written on one line, unless it has its own table in the file.
    """
    remarks = _take_remarks(table)
    for key in set(table) - set(values):
        del table[key]
    for key, value in values.items():
        if isinstance(value, Mapping) and hasattr(table.get(key), "display_name"):
            set_values(table[key], value)
        elif key not in table or table[key] != value:
            table[key] = _item(value)
    _append_comments(table, remarks)


def set_tables(
    document: TOMLDocument, name: str, key: str, listed: Sequence[Mapping[str, Any]]
) -> None:
    """Set the array of tables ``name`` to exactly these, identified by ``key``.

    Existing tables keep their place, and new ones come last. Comments stay; a comment above a
    table belongs to that table and is removed with it.
    """
    wanted = {values[key]: values for values in listed}
    array = document.get(name, ())
    if not array or array[0][key] not in wanted:  # comments above the next one come first
        array = document.pop(name, None) or tomlkit.aot()
    for place in reversed(range(len(array))):
        if array[place][key] not in wanted:
            _take_out(document, array, place)
    tables = {table[key]: table for table in array}
    for value, values in wanted.items():
        table = tables.get(value, tomlkit.table())
        set_values(table, values)
        if value not in tables:
            array.append(table)
    if array and name not in document:
        document.append(name, array)


def _take_out(document: TOMLDocument, array: AoT, place: int) -> None:
    """Remove a table from an array; tomlkit keeps the comments above it with the previous one."""
    of_the_next = _take_remarks(array[place])
    before: MutableMapping[str, Any] = document
    if place:
        before = array[place - 1]
        _take_remarks(before)
    _append_comments(before, of_the_next)
    del array[place]


def _take_remarks(table: MutableMapping[str, Any]) -> list[Item]:
    """Remove comments and blank lines from a table's end: tomlkit keeps the next one's there."""
    body = _body(table)
    start = next((n for n in range(len(body), 0, -1) if body[n - 1][0] is not None), len(body))
    remarks = [item for _, item in body[start:]]
    del body[start:]
    return remarks


def _append_comments(table: MutableMapping[str, Any], remarks: Sequence[Item]) -> None:
    _body(table).extend((None, remark) for remark in remarks)


def _body(table: Any) -> list[tuple[Any, Item]]:
    body: list[tuple[Any, Item]] = table.body if hasattr(table, "body") else table.value.body
    return body


def _item(value: Any) -> Item:
    if isinstance(value, Mapping):
        table: InlineTable = tomlkit.inline_table()
        table.update({key: _item(inner) for key, inner in value.items()})
        return table
    item: Item = tomlkit.item(value)
    return item
