"""Text files of bars: their layouts, the numbers in them, LEAN's zips, the reader."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.bars.sources.text import csv as csv
    from ml_core.bars.sources.text import layouts as layouts
    from ml_core.bars.sources.text import lean as lean
    from ml_core.bars.sources.text import number_text as number_text
    from ml_core.bars.sources.text import text_file as text_file
else:
    __getattr__ = modules_of(__name__)
