"""Readers of traders' own files; each returns canonical bars with their source lines."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.bars.sources import databento as databento
    from ml_core.bars.sources import dbn as dbn
    from ml_core.bars.sources import duckdb_file as duckdb_file
    from ml_core.bars.sources import kind as kind
    from ml_core.bars.sources import parquet as parquet
    from ml_core.bars.sources import pushed as pushed
    from ml_core.bars.sources import running as running
    from ml_core.bars.sources import text as text
else:
    __getattr__ = modules_of(__name__)
