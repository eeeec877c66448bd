"""Bars: from their sources into the lake, and from the lake into datasets."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.data import datasets as datasets
    from tasks.data import guessed_kind as guessed_kind
    from tasks.data import ingest as ingest
    from tasks.data import intake as intake
    from tasks.data import market_definition as market_definition
    from tasks.data import preview as preview
    from tasks.data import shared_store as shared_store
    from tasks.data import source_kinds as source_kinds
    from tasks.data import sources as sources
    from tasks.data import standing_sources as standing_sources
else:
    __getattr__ = modules_of(__name__)
