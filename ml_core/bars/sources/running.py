"""Rows of running minutes: when the row of a writer that updates it is a finished bar."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from ml_core.bars.arrow_values import MINUTE_US, codes_of, microseconds_of
from ml_core.bars.contract import RawBatch
from ml_core.bars.sources.kind import hash_of_rows

_SECOND_US = 1_000_000


def without_unsettled(batch: RawBatch, at: datetime, seconds: float) -> RawBatch:
    """Leave out each contract's last row if it may still change.

    A row may change until its minute has been over for ``seconds``, unless the contract has a
    later row: a writer does not return to an earlier minute.

    Parameters
    ----------
    batch
        Rows; the last row of a contract may belong to the running minute.
    at
        Aware time, used as now.
    seconds
        Time after its minute in which a writer may still correct its last row.
    """
    stamps = microseconds_of(batch.table)
    names, contract = codes_of(batch.table["contract"])
    last = np.full(len(names) + 1, np.iinfo(np.int64).min)
    np.maximum.at(last, contract, stamps)
    settled_by = round((at.timestamp() - seconds) * _SECOND_US) - MINUTE_US
    unsettled = (stamps == last[contract]) & (stamps > settled_by)
    if not unsettled.any():
        return batch
    rows = batch.table.filter(pa.array(~unsettled))
    return replace(batch, table=rows, content_hash=hash_of_rows(rows))
