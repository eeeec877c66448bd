"""The model card of a version: its facts, and the page they are written as."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from monitoring.pages.model_card import page as page
else:
    __getattr__ = modules_of(__name__)
