"""The market: instrument, sessions, opening ranges, exchange calendar, simulation."""
