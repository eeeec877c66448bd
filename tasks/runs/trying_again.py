"""Retry a step outside Prefect, with growing delays, while a retry can help."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ml_core.bars.lake.lake import LakeBusyError
from ml_core.errors import TransientError

TRIES = 5
FIRST_WAIT = 2.0
"""Seconds before the second try; doubled before each later try, as Prefect does for tasks."""

Result = TypeVar("Result")


def with_patience(
    step: Callable[[], Result], tell: Callable[[str, float], None] | None = None
) -> Result:
    """Do a step, up to ``TRIES`` times in all, as long as its error is transient.

    Parameters
    ----------
    step
        The step, which must be safe to repeat.
    tell
        Called before each wait with the error message and the seconds to wait.

    Raises
    ------
    TransientError
        The error of the last try; a busy lake's error is raised at the first try.
    """
    for number in range(TRIES - 1):
        try:
            return step()
        except LakeBusyError:
            raise  # the step has already waited for the lake
        except TransientError as error:
            wait = FIRST_WAIT * 2**number
            if tell is not None:
                tell(str(error), wait)
            time.sleep(wait)
    return step()
