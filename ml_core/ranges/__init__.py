"""Opening ranges, breakouts and labels over integer ticks."""
