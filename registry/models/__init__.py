"""Model versions: folders, aliases, decisions about them, and retrain attempts."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry.models import decisions as decisions
    from registry.models import model_store as model_store
    from registry.models import versions as versions
else:
    __getattr__ = modules_of(__name__)
