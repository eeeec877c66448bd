"""The orbcast command line."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from deployments.cli import drawing as drawing
    from deployments.cli import markdown as markdown
    from deployments.cli import progress_bar as progress_bar
else:
    __getattr__ = modules_of(__name__)
