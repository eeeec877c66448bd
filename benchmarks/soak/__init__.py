"""The soak: weeks of trading with the real server and real processes, while they are killed.

A simulated clock is set to each decision in turn; the trader's database holds the bars up to then.
Runner, server and runs are killed with SIGKILL at random moments; the source is locked, stalls and
is revised. At the end, every slot must have one row and every breakout its outcome, and nothing
may be left over.

``make soak`` runs thirty days, about half an hour; ``make soak-quarter`` runs sixty-five, with two
restarts of the machine, a restore from a backup, a drift and a promotion that waits for approval.
The tests run one day.
"""

from benchmarks.soak.plan import Plan
from benchmarks.soak.soak import Soak

__all__ = ["Plan", "Soak"]
