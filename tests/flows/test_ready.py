"""Preparation for a prediction: everything is loaded, nothing is written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry.ledger.ledger import Ledger
from tasks.prediction import predict as prediction
from tasks.prediction import slot_context
from tasks.settings import current_settings

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_models_are_loaded_and_nothing_is_predicted(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del own
    moment = datetime(2024, 11, 20, 0, 30, tzinfo=UTC)  # a Wednesday, unseen by the training
    monkeypatch.setattr(prediction, "now", lambda: moment)
    slot_context._loaded.cache_clear()
    prediction.get_ready("mgc")
    assert slot_context._loaded.cache_info().currsize > 0
    ledger: Ledger = current_settings().ledger()
    assert ledger.settled("MGC", mode="live") == ()
    assert ledger.settled("MGC", mode="replay") == ()
