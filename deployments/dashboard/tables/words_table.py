"""Tables of text: cells wrap, and their text is shown literally."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from monitoring.pages.formatting import DASH
from monitoring.pages.markdown import escaped


def words_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Show rows whose cells are sentences; the first column names the row.

    Streamlit reads the cells of such a table as markdown, so they are escaped.
    """
    frame = pd.DataFrame(
        [{name: escaped(cell) or DASH for name, cell in row.items()} for row in rows]
    )
    st.table(frame.set_index(frame.columns[0]))
