"""Hand-made fills and files of them, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from ml_core.fills.fill import Action, Fill

BEGIN = datetime(2025, 6, 19, 0, 12, tzinfo=UTC)


def fill(
    second: float,
    side: Action,
    quantity: float,
    price: float,
    *,
    execution_id: str = "",
    order_id: str = "",
    contract: str = "MGCQ5",
    commission: float | None = None,
    account: str = "A",
) -> Fill:
    return Fill(
        platform="generic",
        account=account,
        contract=contract,
        time=BEGIN + timedelta(seconds=second),
        side=side,
        quantity=quantity,
        price=price,
        commission=commission,
        execution_id=execution_id,
        order_id=order_id,
        occurrence=1,
        source_line=0,
    )


HEADER = "account,contract,time,side,quantity,price,commission,fill_id,order_id"


def row_of(fill: Fill) -> str:
    commission = "" if fill.commission is None else fill.commission
    values = (fill.account, fill.contract, fill.time.isoformat(), fill.side, fill.quantity)
    ends = (fill.price, commission, fill.execution_id, fill.order_id)
    return ",".join(map(str, (*values, *ends)))


def write(path: Path, rows: Iterable[str]) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def many(*, with_ids: bool | None = None) -> st.SearchStrategy[list[Fill]]:
    """Draw lists of fills of two contracts and accounts, many in the same second."""
    ids = st.sampled_from(("", "x", "y", "z"))
    if with_ids is False:
        ids = st.just("")
    one = st.builds(
        fill,
        st.integers(0, 5).map(lambda step: step * 40.0),
        st.sampled_from(("buy", "sell")),
        st.integers(1, 4).map(float),
        st.integers(33800, 33900).map(lambda ticks: ticks / 10),
        execution_id=ids,
        order_id=st.sampled_from(("", "o1", "o2")),
        contract=st.sampled_from(("MGCQ5", "MGCV5")),
        commission=st.sampled_from((None, 1.24, 2.48)),
        account=st.sampled_from(("A", "B")),
    )
    return st.lists(one, max_size=14)
