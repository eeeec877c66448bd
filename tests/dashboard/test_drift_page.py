"""The layout of the drift and data page: the latest check with its most shifted columns."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ml_core.health.drift import ColumnShift, DriftFigures
from registry.health.drift import DriftRecord, record_drift
from registry.notices import Notice, record_notice
from tasks.settings import current_settings
from tests.waiting import AT_MOST_SECONDS

DRIFT = DriftFigures(
    why_not="",
    days=10,
    columns=74,
    drifted=1,
    groups=("volatility",),
    shifts=(
        ColumnShift("sigma_24h", "volatility", 2.5, 1e-9, 1e-7),
        ColumnShift("wick", "shape", 0.1, 0.5, 1e-7),
    ),
)


def drift_and_data() -> None:
    from deployments.dashboard.drift_and_data import page  # noqa: PLC0415 - Streamlit runs it elsewhere
    from deployments.dashboard.shell import view  # noqa: PLC0415 - the same

    page(view())


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("figures", "columns"), [(DRIFT, ["sigma_24h", "wick"]), (DriftFigures(), [])]
)
def test_a_drift_check_is_shown_with_its_most_telling_columns(
    figures: DriftFigures, columns: list[str]
) -> None:
    record = DriftRecord(
        market="MGC",
        version="v1",
        first_day=date(2024, 5, 20),
        last_day=date(2024, 5, 31),
        rows=60,
        detected=figures.drifted > 0,
        verdict="drift in volatility",
        figures=figures,
        at=datetime(2024, 6, 1, 8, 15, tzinfo=UTC),
    )
    record_drift(current_settings().database(), record)
    st.cache_resource.clear()

    page = AppTest.from_function(drift_and_data, default_timeout=AT_MOST_SECONDS).run()

    assert not page.exception
    tables = [table.value for table in page.dataframe]
    listed = [list(table["column"]) for table in tables if "column" in table]
    assert listed == ([columns] if columns else [])


@pytest.mark.usefixtures("home")
def test_a_notice_is_listed_with_the_channels_that_took_it() -> None:
    at = datetime(2024, 6, 1, 8, 15, tzinfo=UTC)
    notice = Notice(key="k", market="MGC", kind="drift", subject="drift", body="in wicks", at=at)
    record_notice(current_settings().database(), notice)
    st.cache_resource.clear()

    page = AppTest.from_function(drift_and_data, default_timeout=AT_MOST_SECONDS).run()

    assert not page.exception
    listed = [table.value for table in page.dataframe if "delivered to" in table.value]
    assert [list(table.iloc[0]) for table in listed] == [
        ["2024-06-01 08:15 UTC", "drift", "in wicks", "-"]
    ]
