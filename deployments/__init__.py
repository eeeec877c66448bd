"""Code that runs and shows Orbcast: configuration, command line, supervisor."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from deployments import automations as automations
    from deployments import bar_server as bar_server
    from deployments import dashboard as dashboard
    from deployments import demo as demo
    from deployments import ledger_export as ledger_export
    from deployments import legacy_import as legacy_import
    from deployments import new_market as new_market
    from deployments import serving as serving
    from deployments import simulated as simulated
else:
    __getattr__ = modules_of(__name__)
