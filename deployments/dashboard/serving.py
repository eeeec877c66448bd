"""Starting the page server: on loopback, telling nobody, with everything imported beforehand."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import pkgutil
import tempfile
import webbrowser
from pathlib import Path
from threading import Timer

from deployments import dashboard
from deployments.http_guard import HostGuard, names_of
from deployments.serving.ports import HOST, require_free
from ml_core.errors import OperatorError, OrbcastError
from ml_core.on_demand import library
from tasks import prediction
from tasks.runs.environment import prepare_environment
from tasks.settings import Settings, current_settings, now

middleware = library("starlette.middleware")
streamlit = library("streamlit.starlette")

_OPENED_AFTER_SECONDS = 1.5


class NotInstalledError(OperatorError):
    """The dashboard's packages are not there."""

    template = (
        'the dashboard is not installed; run `make dashboard`, or install "orbcast[dashboard]"'
    )


def serve(settings: Settings, port: int, *, browser: bool) -> None:
    """Serve the pages until stopped.

    What the pages import is imported before the first visitor comes; the database is opened
    read-only, by this process and whatever it starts.

    Raises
    ------
    NotInstalledError, PortTakenError
        It cannot start.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise NotInstalledError
    require_free(port, f"orbcast dashboard --port {port + 1}")
    prepare_environment(settings, ORBCAST_READ_ONLY="true")
    if not settings.prefect_dir.is_dir():
        # Prefect makes its folder when imported; looking at a home must not write into it
        os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="orbcast-dashboard-")
    _import_pages()
    _look_once()
    options = {
        "server.address": HOST,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "runner.magicEnabled": False,
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "type",
        "theme.light.primaryColor": "#0072b2",
        "theme.dark.primaryColor": "#62b8f0",
    }
    if browser:
        Timer(_OPENED_AFTER_SECONDS, webbrowser.open, (f"http://{HOST}:{port}",)).start()
    guard = middleware.Middleware(HostGuard, names_of(settings))
    script = Path(__file__).with_name("app.py")
    streamlit.App(script, middleware=[guard]).run(config=options)


def _look_once() -> None:
    """Look at today once: calendars, database and plots load what they need before a visitor."""
    settings = current_settings()  # which opens the database read-only by now
    if dashboard.shell.is_new(settings):
        return
    market, at = settings.market(settings.markets[0]), now()
    # what is wrong with a home is told on its pages, not by refusing to start
    with contextlib.suppress(OrbcastError):
        for slot in prediction.trading_day.slots_of_day(
            settings, market, prediction.slots.trading_day_at(market, at), "live", at
        ):
            dashboard.charts.range_chart.range_chart(
                slot, market.zone, dashboard.charts.theme.LIGHT
            )


def _import_pages() -> None:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name != "app":  # which is run, for each visitor
            importlib.import_module(f"deployments.dashboard.{module.name}")
