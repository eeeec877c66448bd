"""Reports, model cards and plots of results that are judged elsewhere."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from monitoring.pages import document as document
    from monitoring.pages import figure_style as figure_style
    from monitoring.pages import fill_table as fill_table
    from monitoring.pages import formatting as formatting
    from monitoring.pages import model_card as model_card
    from monitoring.pages import plots as plots
    from monitoring.pages import setup_report as setup_report
    from monitoring.pages import study_report as study_report
    from monitoring.pages import study_settings as study_settings
    from monitoring.pages import tear_sheet as tear_sheet
    from monitoring.pages import trade_page as trade_page
else:
    __getattr__ = modules_of(__name__)
