"""Start of the page server: on loopback, without usage statistics, with all imports done first."""

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
from tasks import messages, prediction
from tasks.runs.environment import prepare_environment
from tasks.settings import Settings, current_settings, now

middleware = library("starlette.middleware")
streamlit = library("streamlit.starlette")

_OPENED_AFTER_SECONDS = 1.5


class NotInstalledError(OperatorError):
    """The dashboard's packages are not installed."""

    template = (
        'the dashboard is not installed; run `make dashboard`, or install "orbcast[dashboard]"'
    )


def serve(settings: Settings, port: int, *, browser: bool) -> None:
    """Serve the pages until stopped.

    The pages' imports are done before the first visit. This process and its children open the
    database read-only.

    Raises
    ------
    NotInstalledError, PortInUseError
        The server cannot start.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise NotInstalledError
    require_free(port, f"orbcast dashboard --port {port + 1}")
    prepare_environment(settings, ORBCAST_READ_ONLY="true")
    if not settings.prefect_dir.is_dir():
        # Prefect creates its folder when imported, but the dashboard must not write into a home
        os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="orbcast-dashboard-")
    _import_pages()
    _warm_up()
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


def _warm_up() -> None:
    """Draw today once, so that calendars, database and plots are loaded before the first visit."""
    settings = current_settings()  # read-only since ORBCAST_READ_ONLY is set
    if dashboard.shell.is_new(settings):
        return
    market, at = settings.market(settings.markets[0]), now()
    # the pages show what is wrong with a home; the server starts anyway
    with contextlib.suppress(OrbcastError):
        day = prediction.slots.trading_day_at(market, at)
        days = messages.followed_days.followed_days(settings, settings.markets[0], day, day, at)
        for key in days.rows:
            drawn = messages.slot_facts.picture_now(days, key, None)
            if drawn is not None:
                dashboard.charts.range_chart.range_chart(drawn, dashboard.charts.theme.LIGHT)


def _import_pages() -> None:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name != "app":  # app is run at each visit, not imported
            importlib.import_module(f"deployments.dashboard.{module.name}")
