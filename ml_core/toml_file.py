"""TOML files: read into a model with every fault named, and changed with their comments kept."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from ml_core.errors import InputError
from ml_core.files import written_atomically
from ml_core.on_demand import library

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import AoT, InlineTable, Item

tomlkit = library("tomlkit")

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


def parse_toml(text: str) -> dict[str, Any]:
    """Return what TOML says.

    Raises
    ------
    tomllib.TOMLDecodeError
        It is none, or nests too deeply or has a number of too many digits for Python.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError as error:
        fault = "it nests too deeply"
        raise tomllib.TOMLDecodeError(fault) from error
    except (ValueError, OverflowError) as error:
        raise tomllib.TOMLDecodeError(str(error)) from error


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
    ) as fault:  # which pydantic takes for no fault of a value
        raise refused(f"cannot be used: {fault}") from fault
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


def open_toml(path: Path, remark: str = "") -> TOMLDocument:
    """Return a file to be changed, comments and all; one that is not there has ``remark`` alone.

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
            fault = (("file", str(path), f"is not TOML: {error}; mend it"),)
            raise TomlFileError(str(path), fault) from error
        return document
    document = tomlkit.document()
    if remark:
        document.add(tomlkit.comment(remark))
        document.add(tomlkit.nl())
    return document


def save_toml(path: Path, document: TOMLDocument) -> None:
    """Write a file whole or not at all; one that would stay the same is left alone."""
    text = document.as_string()
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        with written_atomically(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def table_to_change(document: TOMLDocument, name: str) -> MutableMapping[str, Any]:
    """Return a table of a file for :func:`set_values`.

    One that is not there is made, empty; so is one whose parts stand apart with other tables
    between them, which are put together by what is set, their comments lost.
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
    """Make a table of a file hold these values and no others; comments and what is equal stay.

    A mapping in it is written on one line, unless the file has it as a table of its own.
    """
    remarks = _take_remarks(table)
    for key in set(table) - set(values):
        del table[key]
    for key, value in values.items():
        if isinstance(value, Mapping) and hasattr(table.get(key), "display_name"):
            set_values(table[key], value)
        elif key not in table or table[key] != value:
            table[key] = _item(value)
    _put_remarks(table, remarks)


def set_tables(
    document: TOMLDocument, name: str, key: str, listed: Sequence[Mapping[str, Any]]
) -> None:
    """Make the array of tables ``name`` hold these and no others, told apart by ``key``.

    Those that are there stay where they are, new ones come last. Comments stay: one that stands
    above a table is of that table, and goes with it.
    """
    wanted = {values[key]: values for values in listed}
    array = document.get(name, ())
    if not array or array[0][key] not in wanted:  # what stands above the next one comes before it
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
    """Take a table out of an array; tomlkit keeps what stands above it with the one before."""
    of_the_next = _take_remarks(array[place])
    before: MutableMapping[str, Any] = document
    if place:
        before = array[place - 1]
        _take_remarks(before)
    _put_remarks(before, of_the_next)
    del array[place]


def _take_remarks(table: MutableMapping[str, Any]) -> list[Item]:
    """Take comments and blank lines off a table's end, where tomlkit keeps the next one's."""
    body = _body(table)
    start = next((n for n in range(len(body), 0, -1) if body[n - 1][0] is not None), len(body))
    remarks = [item for _, item in body[start:]]
    del body[start:]
    return remarks


def _put_remarks(table: MutableMapping[str, Any], remarks: Sequence[Item]) -> None:
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
