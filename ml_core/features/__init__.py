"""Point-in-time features: one definition for history and for the live row."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.features import all as all
    from ml_core.features import audit as audit
    from ml_core.features import history as history
else:
    __getattr__ = modules_of(__name__)
