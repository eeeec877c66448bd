"""Look up the label specification behind each label key in the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from ml_core.learning.version_folder import BundleCorruptError, recipe_of
from ml_core.ranges.label_spec import LabelSpec
from tasks.settings import Settings


def labels_by_key(settings: Settings, symbol: str, keys: Iterable[str]) -> dict[str, LabelSpec]:
    """Return the label specification of each known key: the default's or a model version's.

    Parameters
    ----------
    settings, symbol
        The installation, and the market whose versions are searched.
    keys
        Label keys of ledger rows; one that no version has any more is left out.
    """
    wanted = set(keys)
    labels = {LabelSpec().key: LabelSpec()}
    if not wanted <= set(labels):
        for record in settings.models().versions(symbol):
            with suppress(BundleCorruptError):  # `orbcast verify` reports it
                spec = recipe_of(record.folder).label
                labels[spec.key] = spec
    return {key: labels[key] for key in sorted(wanted) if key in labels}
