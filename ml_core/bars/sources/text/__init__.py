"""Text files of bars: their layouts, the numbers in them, LEAN's zips, the reader."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.bars.sources.text import csv as csv
else:
    __getattr__ = modules_of(__name__)
