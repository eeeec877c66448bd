"""Rows that cannot be edited unnoticed: hash chains, whose ends are noted outside the database."""

from ml_core.on_demand import modules_of

__getattr__ = modules_of(__name__)
