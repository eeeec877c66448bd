"""A dataset as a Parquet file named by its content, so that workers can be given its path."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_core.errors import TransientError
from ml_core.features.catalogue import OwnColumn
from ml_core.files import written_atomically
from ml_core.json_form import from_json
from ml_core.json_values import json_values, parse_json
from ml_core.learning.datasets.dataset import Dataset
from ml_core.on_demand import library
from ml_core.ranges.label_spec import LabelSpec

pq = library("pyarrow.parquet")

_FACTS = b"orbcast"


class UnreadableDatasetError(TransientError):
    """Error for a dataset file that a worker cannot read, or that is not what was written."""

    path: str
    fault: str
    template = (
        "the dataset {path} cannot be read ({fault}); workers on other machines need the home on "
        "a shared disk, or a store (ORBCAST_STORE); then run it again, which writes it anew"
    )


def write_dataset(data: Dataset, folder: Path) -> Path:
    """Write a dataset into a folder unless it is there; return the file's path.

    The name is the SHA-256 of the content, so the same dataset is the same file.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(_to_table(data), sink, compression="lz4", write_statistics=False)
    content = sink.getvalue()
    path = folder / f"{hashlib.sha256(content).hexdigest()}.parquet"
    if path.exists() and path.read_bytes() == content:
        path.touch()  # still in use
    else:
        with written_atomically(path) as temporary:
            temporary.write_bytes(content)
    return path


def read_dataset(path: Path) -> Dataset:
    """Restore a dataset that :func:`write_dataset` wrote, to the bit.

    Raises
    ------
    UnreadableDatasetError
        The file is missing or damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableDatasetError(str(path), error.strerror or str(error)) from error
    if hashlib.sha256(content).hexdigest() != path.stem:
        raise UnreadableDatasetError(str(path), "its content is not what its name says")
    return _of_table(pq.ParquetFile(pa.BufferReader(content)).read())


def _to_table(data: Dataset) -> pa.Table:
    columns: dict[str, Any] = {}
    facts: dict[str, Any] = {"kinds": {}, "by_column": []}
    for field in fields(Dataset):
        values = getattr(data, field.name)
        if isinstance(values, LabelSpec):
            facts[field.name] = values.model_dump(mode="json")
            continue
        if not isinstance(values, np.ndarray):
            facts[field.name] = json_values(values)
            continue
        facts["kinds"][field.name] = values.dtype.str
        if values.ndim == 1:
            columns[field.name] = values.tolist() if values.dtype.kind == "U" else values
            continue
        if values.flags.f_contiguous:
            facts["by_column"].append(field.name)
        for number in range(values.shape[1]):
            columns[f"{field.name} {number}"] = np.ascontiguousarray(values[:, number])
    return pa.table(columns).replace_schema_metadata({_FACTS: json.dumps(facts).encode()})


def _of_table(table: pa.Table) -> Dataset:
    facts = parse_json(table.schema.metadata[_FACTS].decode())
    columns: dict[str, NDArray[Any]] = {}
    for name, kind in facts["kinds"].items():
        if name in table.column_names:
            columns[name] = table[name].to_numpy().astype(kind)
            continue
        order: Literal["C", "F"] = "F" if name in facts["by_column"] else "C"
        width = sum(column.startswith(f"{name} ") for column in table.column_names)
        # in the order in memory that it had: sums over another order differ in the last bit
        values: NDArray[Any] = np.empty((len(table), width), kind, order=order)
        for number in range(width):
            values[:, number] = table[f"{name} {number}"].to_numpy()
        columns[name] = values
    return Dataset(
        market=facts["market"],
        label_spec=LabelSpec.model_validate(facts["label_spec"]),
        feature_names=tuple(facts["feature_names"]),
        categorical=tuple(facts["categorical"]),
        cost_ticks=float(facts["cost_ticks"]),
        market_hash=facts["market_hash"],
        own=tuple(from_json(OwnColumn, column) for column in facts["own"]),
        **columns,
    )
