"""The tables, one file for each topic, so that a command loads only those it uses."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry.tables import every as every
else:
    __getattr__ = modules_of(__name__)
