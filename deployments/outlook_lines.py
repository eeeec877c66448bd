"""One line per market on its next opening ranges, by its clock and calendar.

`orbcast up` runs it as ``python -m deployments.outlook_lines MARKET...``: an exchange calendar
imports pandas, a hundred megabytes that the supervisor would keep forever.
"""

from __future__ import annotations

import sys

from tasks.prediction.day_outlook import day_outlook, outlook_in_words
from tasks.settings import current_settings, now


def main(names: list[str]) -> None:
    """Print the lines."""
    for name in names:
        market = current_settings().market(name)
        sys.stdout.write(f"{market.symbol}: {outlook_in_words(day_outlook(market, now()))}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
