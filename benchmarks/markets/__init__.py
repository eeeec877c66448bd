"""Many markets on one machine: predictions of one minute, nightly retrains, a year's ledger.

``python -m benchmarks.markets --markets 1,5,20,50`` simulates markets with different hours, zones
and ticks, each of which has one opening range that closes in the same minute as everyone else's.
A real `orbcast up` retrains all of them, then predicts that minute's ranges. The tables show how
processor time, memory and seconds to a row grow with the number of markets.
"""
