"""From datasets to model versions: training, studies, tuning, promotion and reports."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.training import card_pages as card_pages
    from tasks.training import champion as champion
    from tasks.training import model_card as model_card
    from tasks.training import promotion as promotion
    from tasks.training import studies_on_record as studies_on_record
    from tasks.training import tuning as tuning
else:
    __getattr__ = modules_of(__name__)
