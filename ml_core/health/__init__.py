"""The findings about running models: one type each, for checks, storage and display.

``drift``, ``parity`` and ``estimates`` hold the results of the checks, ``daily_sums`` those of the
record. They import little, so a command that reads stored findings does not load the libraries
that compute them.
"""
