"""Import from another system: bars, a record of ranges, models as text; pickles stay unopened."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from deployments.legacy_import import database as database
    from deployments.legacy_import import feature_names as feature_names
    from deployments.legacy_import import models as models
    from deployments.legacy_import import outside_record as outside_record
    from deployments.legacy_import import report_files as report_files
    from deployments.legacy_import import survey as survey
    from deployments.legacy_import import usability as usability
else:
    __getattr__ = modules_of(__name__)
