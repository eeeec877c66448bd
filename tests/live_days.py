"""Live days: every slot up to a moment predicted live, three seconds after its range closed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.trained_market import copy_home

REPLIES_AFTER = timedelta(seconds=3)


def set_clock(patch: pytest.MonkeyPatch, file: Path, moment: datetime) -> None:
    """Set the clock to ``moment`` for this process and those it starts."""
    file.write_text(str((moment - datetime.now(UTC)).total_seconds()))
    patch.setenv("ORBCAST_CLOCK_FILE", str(file))


def answer_live(
    patch: pytest.MonkeyPatch,
    first: date,
    moment: datetime,
    *,
    replayed_before: date | None = None,
) -> None:
    """Predict the slots of the current home from a day to a moment, and apply the rules.

    Parameters
    ----------
    first, moment
        From this trading day to slots decided before this aware time.
    replayed_before
        Slots of earlier days are also replayed.
    """
    from tasks.prediction import predict as prediction  # noqa: PLC0415 - Prefect, where used
    from tasks.prediction.slots import slots_between  # noqa: PLC0415
    from tasks.settings import current_settings  # noqa: PLC0415

    for slot in slots_between(current_settings().market("mgc"), first, moment.date()):
        made_at = slot.decision + REPLIES_AFTER
        if made_at > moment:
            break
        patch.setattr(prediction, "_made_at", lambda made_at=made_at: made_at)
        prediction.plan_slot.fn(prediction.predict_slot.fn("mgc", slot, "live"))
        if replayed_before is not None and slot.trading_day < replayed_before:
            prediction.predict_slot.fn("mgc", slot, "replay")


def logged_home_of(trained: Path, folder: Path, first: date, last: date) -> Path:
    """Return a copy of a home, to be copied, with some days of live predictions, as if in time."""
    from tasks.prediction.predict import decided_entries  # noqa: PLC0415 - Prefect, where used
    from tasks.prediction.slots import slots_between  # noqa: PLC0415
    from tasks.settings import current_settings, now  # noqa: PLC0415

    home = shutil.copytree(trained, folder / "open")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORBCAST_HOME", str(home))
        patch.setenv("ORBCAST_MISSED_AFTER_MINUTES", "100000000")
        settings = current_settings()
        market = settings.market("mgc")
        for slot in slots_between(market, first, last):
            entries = decided_entries(settings, market, slot, now(), "live")
            settings.ledger().record([replace(entry, late=False) for entry in entries])
    copy_home(home, folder / "home")
    return folder / "home"
