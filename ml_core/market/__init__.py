"""The market: instrument, sessions, opening ranges, exchange calendar and simulation."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from ml_core.market import calendar_days as calendar_days
    from ml_core.market import definition as definition
    from ml_core.market import market as market
    from ml_core.market import news as news
    from ml_core.market import news_files as news_files
    from ml_core.market import schedule as schedule
else:
    __getattr__ = modules_of(__name__)
