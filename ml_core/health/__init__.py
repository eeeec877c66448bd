"""What is found while models run, as judged, kept and shown: one type and one JSON form each.

``drift``, ``parity`` and ``estimates`` are those of the checks, ``daily_sums`` of the record. They
are light: a command that reads what is kept waits for no library that judges it.
"""
