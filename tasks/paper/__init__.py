"""The paper account: intents taken from the outbox, or from plans, and traded on the bars."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.paper import books as books
    from tasks.paper import statement as statement
else:
    __getattr__ = modules_of(__name__)
