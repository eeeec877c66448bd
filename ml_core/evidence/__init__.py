"""Metrics, intervals and what may be concluded from them."""
