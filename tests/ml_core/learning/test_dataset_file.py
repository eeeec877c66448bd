"""The file of a dataset: the same to the bit, named by its content."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_core.errors import TransientError
from ml_core.features.catalogue import OwnColumn
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.datasets.dataset_file import read_dataset, write_dataset
from tests.ml_core.learning.synthetic import dataset


def _column(name: str, **given: Any) -> OwnColumn:
    return OwnColumn(name=name, words="my own", unit="R", code="c" * 64, **given)


@pytest.fixture
def data() -> Dataset:
    made = dataset(60)
    features = made.features.copy()
    features[0] = np.nan
    features[1] = -0.0
    own = (_column("mine"), _column("its", mirror=None))
    return replace(made, features=features, own=own, market_hash="h", cost_ticks=0.1 + 0.2)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_dataset_is_restored_to_the_bit(data: Dataset, tmp_path: Path, order: str) -> None:
    data = replace(data, features=np.array(data.features, order=order))  # type: ignore[call-overload]
    there = read_dataset(write_dataset(data, tmp_path))
    for field in fields(Dataset):
        before, after = getattr(data, field.name), getattr(there, field.name)
        if not isinstance(before, np.ndarray):
            assert after == before, field.name
            continue
        assert after.dtype == before.dtype, field.name
        assert after.tobytes("A") == before.tobytes("A"), field.name
        assert after.flags.c_contiguous == before.flags.c_contiguous, field.name


def test_the_same_dataset_is_one_file_and_another_is_another(
    data: Dataset, tmp_path: Path
) -> None:
    first = write_dataset(data, tmp_path)
    assert write_dataset(data, tmp_path) == first
    assert write_dataset(data.rows(slice(1, None)), tmp_path) != first
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".parquet"] * 2


def test_a_damaged_or_missing_file_is_named(data: Dataset, tmp_path: Path) -> None:
    path = write_dataset(data, tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(TransientError, match=f"{path} cannot be read .its content"):
        read_dataset(path)
    write_dataset(data, tmp_path)
    assert len(read_dataset(path)) == len(data)
    path.unlink()
    with pytest.raises(TransientError, match="No such file"):
        read_dataset(path)
