"""What a name of a market or of a recipe stands for: as it was first used, for ever."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry.definitions import markets as markets
    from registry.definitions import recipes as recipes
else:
    __getattr__ = modules_of(__name__)
