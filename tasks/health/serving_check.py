"""Check that the champion itself serves; send a notice if another version serves instead."""

from __future__ import annotations

from datetime import datetime

from prefect import task

from registry.errors import UnknownVersionError
from tasks.notices.notify import notify
from tasks.runs.retrying import RETRIED
from tasks.settings import current_settings

KIND = "serving"


@task(name="check the serving version", task_run_name="{market}: serving version", **RETRIED)
def check_serving(market: str, at: datetime) -> str | None:
    """Send one notice for each champion that has expired or cannot be used.

    Returns
    -------
    str or None
        Why another version serves in its place, or why none may; None if the champion serves.
    """
    settings = current_settings()
    symbol, models = settings.market(market).symbol, settings.models()
    try:
        serving = models.serving(symbol, at)
    except UnknownVersionError:
        return None  # no version was trained yet
    if serving.trouble is None or models.current(symbol, "champion") is None:
        return None
    may_predict = serving.trouble == serving.fallback
    version = f"{serving.record.version} ({serving.record.model})"
    notify(
        settings,
        KIND,
        symbol,
        f"serving {symbol} {serving.record.version} {serving.trouble}"[:200],
        f"{symbol}: {version} predicts in place of the champion"
        if may_predict
        else f"{symbol}: no version may predict",
        f"{serving.trouble}. A newer one: orbcast run nightly-retrain --market {market.lower()}; "
        f"the reason: orbcast status",
    )
    return serving.trouble
