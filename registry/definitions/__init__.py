"""The fixed meaning of each market definition and recipe name, as first used."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry.definitions import markets as markets
    from registry.definitions import recipes as recipes
else:
    __getattr__ = modules_of(__name__)
