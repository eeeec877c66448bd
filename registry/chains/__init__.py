"""Rows that cannot be edited unseen: hash chains, and their ends noted outside the database."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from registry.chains import beginnings as beginnings
    from registry.chains import chain as chain
    from registry.chains import chain_checkpoints as chain_checkpoints
else:
    __getattr__ = modules_of(__name__)
