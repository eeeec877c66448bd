"""Checks of bars before import, and of days and silences afterwards."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.bars.checks import bad_rows as bad_rows
    from ml_core.bars.checks import odd_days as odd_days
else:
    __getattr__ = modules_of(__name__)
