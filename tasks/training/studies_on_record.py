"""Studies on record: how long one counts, and its files, verified and read back."""

from __future__ import annotations

from datetime import datetime, timedelta

from ml_core.evidence.out_of_sample import OutOfSamplePredictions, read_predictions
from ml_core.files import sha256_of
from ml_core.on_demand import library
from registry.errors import DamagedEvidenceError
from registry.studies.evaluations import EvaluationRecord, latest_evaluation
from tasks.runs.code_hash import installed_code
from tasks.settings import Settings

pq = library("pyarrow.parquet")

STUDY_DAYS = 35
"""Days for which a study counts; studies are repeated weekly."""


def study_that_counts(
    settings: Settings, symbol: str, recipe_hash: str, at: datetime
) -> EvaluationRecord | None:
    """Return the newest study of a recipe that may count for a decision at a time.

    It must be recent, and made by the current code on the current market definition.
    """
    definition = settings.market_definition(symbol)
    return latest_evaluation(
        settings.database(),
        symbol,
        recipe_hash,
        since=at - timedelta(days=STUDY_DAYS),
        code=installed_code(settings),
        market_hash="" if definition is None else definition.hash,
    )


def recorded_predictions(
    settings: Settings, record: EvaluationRecord
) -> tuple[OutOfSamplePredictions, ...]:
    """Read a study's predictions, one set for each seed, after verifying every file.

    Raises
    ------
    DamagedEvidenceError
        A file is missing or was changed.
    """
    require_intact(settings, record)
    paths = [settings.home / name for name in record.files if name.endswith(".parquet")]
    by_seed = [read_predictions(pq.read_table(path)) for path in paths]
    return tuple(sorted(by_seed, key=lambda predictions: predictions.seed))


def require_intact(settings: Settings, record: EvaluationRecord) -> None:
    """Refuse a study whose files are not those that were recorded.

    Raises
    ------
    DamagedEvidenceError
        A file is missing or was changed.
    StoreObjectError, StoreUnreachableError
        A file that is not here cannot be fetched from the store.
    """
    store = settings.object_store()
    for name, digest in sorted(record.files.items()):
        path = settings.home / name
        if store is not None:
            store.fetch_missing(name, digest, path)
        if not path.is_file():
            raise DamagedEvidenceError(str(path), "is missing")
        if sha256_of(path) != digest:
            raise DamagedEvidenceError(str(path), "was changed")
