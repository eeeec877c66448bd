"""A step outside Prefect that is tried again, later and later, while trying can help."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ml_core.bars.lake.lake import LakeBusyError
from ml_core.errors import TransientError

TRIES = 5
FIRST_WAIT = 2.0
"""Seconds before the second try; doubled before each later one, as Prefect does for tasks."""

Result = TypeVar("Result")


def with_patience(
    step: Callable[[], Result], tell: Callable[[str, float], None] | None = None
) -> Result:
    """Do a step; again, up to ``TRIES`` times in all, where its error says that this can help.

    Parameters
    ----------
    step
        What is done; doing it twice does no harm.
    tell
        Called before each wait with what was wrong and with the seconds.

    Raises
    ------
    TransientError
        The last try's; of a lake that stayed busy, the first's.
    """
    for number in range(TRIES - 1):
        try:
            return step()
        except LakeBusyError:
            raise  # it has waited for the lake already
        except TransientError as error:
            wait = FIRST_WAIT * 2**number
            if tell is not None:
                tell(str(error), wait)
            time.sleep(wait)
    return step()
