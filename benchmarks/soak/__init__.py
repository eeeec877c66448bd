"""The soak: weeks of trading through the real server and real processes, while they are killed.

A simulated clock stands at each decision in turn; the trader's database holds what has happened by
then. Runner, server and runs are killed with SIGKILL at random moments, the source is locked,
stalls and is revised. At the end every slot must have one row, every break its outcome, and
nothing may be left over.

``make soak`` runs thirty days, about half an hour; ``make soak-quarter`` sixty-five, with two
restarts of the machine, a restore from a backup, a drift and a promotion that waits for its
person. The tests run one day.
"""

from benchmarks.soak.plan import Plan
from benchmarks.soak.soak import Soak

__all__ = ["Plan", "Soak"]
